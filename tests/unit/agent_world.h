/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A provisioner played by lib/http on loopback, for the agent to speak to: real TLS, real certificates, real threads. */
#ifndef INGOT_TEST_AGENT_WORLD_H
#define INGOT_TEST_AGENT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/agent.h"
#include "crypto/crypto.h"
#include "http/http_server.h"

#define DEADLINE_MS 30000
#define BOOT_ID "3c7a8a44-6f1c-4b0e-a7b9-7d1f3f0f9c11"

/* Not each program uses all. */
#define FIXTURE __attribute__((unused))

/* ---- the world ---- */

static struct {
	char dir[64];
	struct loop *loop;
	struct ca *ca;
	char *server_cert, *server_key;
	struct http_server *agents, *boot;
	uint16_t agents_port, boot_port;
	struct agent *agent;

	/* the provisioner's memory */
	unsigned certificates;		     /* given to the node beside the first */
	char *(*sign_node)(const char *csr); /* for itself; NULL: as the authority does */
	unsigned hellos, enrolls, reports, ca_fetches, keyless_reports;
	char *token; /* what it takes; NULL: client certificates only */
	char *last_introduction, *last_csr, *last_join;
	const char *enroll_token; /* NULL: once_abc */
	json_t *desired;
	int64_t generation;
	struct http_request *waiting; /* a long poll */
	struct loop_timer *waiting_timer;
	json_t *seen; /* sections of the reports, merged */
	unsigned refuse_enrolls, refuse_reports;
	char *client_name;

	bool (*until)(void);
} world;

static FIXTURE int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static FIXTURE void check_until(void)
{
	if (world.until && world.until())
		loop_quit(world.loop, 0);
}

static FIXTURE void too_late(void *data)
{
	loop_quit(world.loop, 1);
}

/* Runs the loop until the condition holds; it is looked at whenever the provisioner has heard something. */
static FIXTURE void run_until(bool (*condition)(void), const char *what)
{
	struct loop_timer *timer;
	int code = 0;

	world.until = condition;
	timer = loop_timer_new(world.loop, DEADLINE_MS, too_late, NULL);
	if (!condition())
		code = loop_run(world.loop);
	world.until = NULL;
	if (code)
		fail_msg("waited in vain until %s", what);
	loop_timer_free(timer);
}
#define RUN_UNTIL(condition) run_until(condition, #condition)

static FIXTURE void poll_condition(void *data)
{
	check_until();
}

/* ---- the provisioner ---- */

static FIXTURE bool authorized(struct http_request *request)
{
	const char *bearer = http_request_bearer(request);
	const char *client = http_request_client_name(request);

	if (client)
		str_set(&world.client_name, client);
	return (world.token && str_equal(bearer, world.token)) || client;
}

static FIXTURE void refuse(struct http_request *request, enum err_code code, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;

	err_set(&err, code, "%s", text);
	http_answer_problem(request, &err);
}

static FIXTURE void handle_hello(struct http_request *request, void *data)
{
	size_t len;
	const char *body = http_request_body(request, &len);

	world.hellos++;
	free(world.last_introduction);
	world.last_introduction = xstrndup(body, len);
	free(world.token);
	world.token = token_new("test");
	http_answer_json(request, 200, json_pack("{s:s, s:s}", "machine", "m-1", "token", world.token), NULL);
	check_until();
}

static FIXTURE void handle_enroll(struct http_request *request, void *data)
{
	static const char *const addresses[] = { "10.77.0.12", NULL };
	_cleanup_free_ char *certificate = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *body = NULL;
	const char *csr;

	world.enrolls++;
	assert_int_equal(http_request_json(request, &body, NULL), 0);
	assert_string_equal(json_string_value(json_object_get(body, "token")), str_or(world.enroll_token, "once_abc"));
	free(world.last_join);
	world.last_join = json_dumps(json_object_get(body, "join"), JSON_SORT_KEYS | JSON_COMPACT);
	csr = json_string_value(json_object_get(body, "csr"));
	if (world.last_csr)
		assert_string_equal(csr, world.last_csr);
	str_set(&world.last_csr, csr);
	if (world.refuse_enrolls) {
		world.refuse_enrolls--;
		refuse(request, ERR_BUSY, "come again");
	} else {
		assert_int_equal(ca_sign_request(world.ca, csr, "node-1", addresses, &certificate, &err), 0);
		http_answer_json(request, 200,
				 json_pack("{s:s, s:s, s:s}", "node", "node-1", "certificate", certificate, "ca",
					   ca_pem(world.ca)),
				 NULL);
	}
	json_decref(body);
	check_until();
}

static FIXTURE void handle_certificate(struct http_request *request, void *data)
{
	static const char *const addresses[] = { "10.77.0.12", NULL };
	_cleanup_free_ char *certificate = NULL, *name = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *body = NULL;
	const char *use;

	assert_string_equal(http_request_client_name(request), "node-1");
	assert_int_equal(http_request_json(request, &body, NULL), 0);
	use = json_string_value(json_object_get(body, "use"));
	name = xasprintf("%snode-1", str_equal(use, "guests") ? CERT_GUESTS_PREFIX : "");
	if (world.sign_node && str_equal(use, "node"))
		certificate = world.sign_node(json_string_value(json_object_get(body, "csr")));
	else
		assert_int_equal(ca_sign_request(world.ca, json_string_value(json_object_get(body, "csr")), name,
						 addresses, &certificate, &err),
				 0);
	http_answer_json(request, 200, json_pack("{s:s, s:s}", "certificate", certificate, "ca", ca_pem(world.ca)),
			 NULL);
	json_decref(body);
	world.certificates++;
	check_until();
}

static FIXTURE void answer_desired(struct http_request *request)
{
	http_answer_json(request, 200, json_deep_copy(world.desired), NULL);
}

static FIXTURE void waiting_gone(void *data)
{
	world.waiting = NULL;
	world.waiting_timer = loop_timer_free(world.waiting_timer);
}

static FIXTURE void waiting_over(void *data)
{
	struct http_request *request = TAKE_PTR(world.waiting);

	world.waiting_timer = NULL;
	http_answer_json(request, 204, NULL, NULL);
}

static FIXTURE void handle_desired(struct http_request *request, void *data)
{
	int64_t after, wait_s;

	if (!authorized(request)) {
		refuse(request, ERR_UNAUTHENTICATED, "who are you");
		return;
	}
	assert_int_equal(parse_i64(http_request_query(request, "after"), 0, INT64_MAX, &after), 0);
	assert_int_equal(parse_i64(http_request_query(request, "wait_s"), 0, 60, &wait_s), 0);
	if (world.desired && after != world.generation) {
		answer_desired(request);
	} else if (wait_s == 0) {
		http_answer_json(request, 204, NULL, NULL);
	} else {
		assert_null(world.waiting); /* one agent, one question */
		world.waiting = request;
		http_request_on_gone(request, waiting_gone, NULL);
		world.waiting_timer = loop_timer_new(world.loop, wait_s * 1000, waiting_over, NULL);
	}
	check_until();
}

static FIXTURE void handle_report(struct http_request *request, void *data)
{
	json_t *body = NULL, *generations;

	world.reports++;
	if (!authorized(request)) {
		world.keyless_reports++;
		refuse(request, ERR_UNAUTHENTICATED, "who are you");
		check_until();
		return;
	}
	if (world.refuse_reports) {
		world.refuse_reports--;
		refuse(request, ERR_BUSY, "come again");
		return;
	}
	assert_int_equal(http_request_json(request, &body, NULL), 0);
	assert_string_equal(json_string_value(json_object_get(body, "boot_id")), BOOT_ID);
	assert_true(json_is_object(json_object_get(body, "generations")));
	generations = json_incref(json_object_get(world.seen, "generations"));
	json_object_update(world.seen, body);
	json_object_update_missing(json_object_get(world.seen, "generations"), generations);
	json_decref(generations);
	json_decref(body);
	http_answer_json(request, 200, json_object(), NULL);
	check_until();
}

static FIXTURE void handle_ca(struct http_request *request, void *data)
{
	const char *pem = ca_pem(world.ca);

	world.ca_fetches++;
	http_answer_data(request, 200, "application/x-pem-file", pem, strlen(pem), NULL);
	check_until();
}

static const struct http_route agent_routes[] = {
	{ .method = "POST", .path = "/agent/v1/hello", .body_max_bytes = 65536, .handler = handle_hello },
	{ .method = "POST", .path = "/agent/v1/enroll", .body_max_bytes = 65536, .handler = handle_enroll },
	{ .method = "POST", .path = "/agent/v1/certificate", .body_max_bytes = 65536, .handler = handle_certificate },
	{ .method = "GET", .path = "/agent/v1/desired", .handler = handle_desired },
	{ .method = "POST", .path = "/agent/v1/report", .body_max_bytes = 1 << 20, .handler = handle_report },
	{ .method = NULL },
};
static const struct http_route boot_routes[] = {
	{ .method = "GET", .path = "/ca.pem", .handler = handle_ca },
	{ .method = NULL },
};

static FIXTURE void open_agents(void)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (http_server_new(&(struct http_server_spec){ .loop = world.loop,
							.routes = agent_routes,
							.address = "127.0.0.1",
							.port = world.agents_port,
							.listen_fd = -1,
							.cert_pem = world.server_cert,
							.key_pem = world.server_key,
							.client_ca_pem = ca_pem(world.ca) },
			    &world.agents, &err) < 0)
		fail_msg("%s", err.text);
	world.agents_port = http_server_port(world.agents);
}

static FIXTURE void answer_waiting(void *data)
{
	struct http_request *request = TAKE_PTR(world.waiting);

	world.waiting_timer = loop_timer_free(world.waiting_timer);
	if (request)
		answer_desired(request);
}

static FIXTURE void desire(json_t *document)
{
	json_decref(world.desired);
	world.desired = document;
	json_object_set_new(document, "generation", json_integer(++world.generation));
	loop_post(world.loop, answer_waiting, NULL);
}

/* ---- parts ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t released;
	bool held, release; /* a run of "slow" waits; may end */
	unsigned echo_runs, waits_runs, fails_left, long_runs, applied;
	bool waits_saw_null;
	atomic_bool long_cancelled, long_changed_seen;
	int flush_result;
	json_t *applied_last;
} parts_memory = { .lock = PTHREAD_MUTEX_INITIALIZER, .released = PTHREAD_COND_INITIALIZER };

/* Reports what it is told; fails as often as it was told. */
static FIXTURE int echo_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&parts_memory.lock);
	parts_memory.echo_runs++;
	if (parts_memory.fails_left) {
		parts_memory.fails_left--;
		r = err_set(err, ERR_BUSY, "not yet");
	}
	pthread_mutex_unlock(&parts_memory.lock);
	if (r == 0)
		*ret_report = desired ? json_incref(desired) : json_string("nothing");
	return r;
}

static FIXTURE int waits_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	pthread_mutex_lock(&parts_memory.lock);
	parts_memory.waits_runs++;
	parts_memory.waits_saw_null = !desired;
	pthread_mutex_unlock(&parts_memory.lock);
	*ret_report = json_pack("{s:b}", "null", !desired);
	return 0;
}

/* Reports, waits for the acknowledgement, then works until its order changes. */
static FIXTURE int long_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	json_t *now;

	if (!desired)
		return 0;
	part_run_publish(run, json_pack("{s:s}", "state", "running"));
	parts_memory.flush_result = part_run_flush(run, DEADLINE_MS);
	if (str_equal(json_string_value(desired), "short")) {
		*ret_report = json_pack("{s:s}", "state", "done");
		return 0;
	}
	while (!part_run_cancelled(run))
		part_run_wait(run, DEADLINE_MS);
	now = part_run_desired(run);
	atomic_store(&parts_memory.long_changed_seen, !json_equal(now, desired));
	json_decref(now);
	atomic_store(&parts_memory.long_cancelled, true);
	*ret_report = json_pack("{s:s}", "state", "cancelled");
	return 0;
}

/* Told to hold, it does not look up until it is released, as one that starts a virtual machine. */
static FIXTURE int slow_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	pthread_mutex_lock(&parts_memory.lock);
	parts_memory.held = str_equal(json_string_value(desired), "hold");
	while (parts_memory.held && !parts_memory.release)
		pthread_cond_wait(&parts_memory.released, &parts_memory.lock);
	pthread_mutex_unlock(&parts_memory.lock);
	*ret_report = json_incref(desired);
	return 0;
}

/* Reports the section that goes with its own. */
static FIXTURE int beside_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	const json_t *also = part_run_also(run);

	*ret_report = also ? json_deep_copy(also) : json_string("nothing");
	return 0;
}

static FIXTURE void apply(const struct part_link *link, json_t *desired)
{
	assert_non_null(link->client);
	assert_true(str_starts(link->url, "https://127.0.0.1:"));
	parts_memory.applied++;
	json_decref(parts_memory.applied_last);
	parts_memory.applied_last = json_deep_copy(desired);
	check_until();
}

#define BOTH_MODES(part_name) .abi = PART_ABI, .name = part_name, .modes = PART_LIVE | PART_NODE
static const struct part echo = { BOTH_MODES("echo"), .converge = echo_converge };
static const struct part waits = { BOTH_MODES("waits"), .flags = PART_WAITS | PART_KEEPS, .converge = waits_converge };
static const struct part lengthy = { BOTH_MODES("long"), .converge = long_converge };
static const struct part slow = { BOTH_MODES("slow"), .flags = PART_WAITS, .converge = slow_converge };
static const struct part applied = { BOTH_MODES("applied"), .apply = apply };
static const struct part node_only = {
	.abi = PART_ABI, .name = "node_only", .modes = PART_NODE, .converge = echo_converge
};
static const struct part beside = { BOTH_MODES("beside"), .also = "other", .converge = beside_converge };
static const struct part *const parts[] = { &echo, &beside, &waits, &lengthy, &slow, &applied, &node_only, NULL };

/* ---- set up ---- */

static FIXTURE json_t *introduce(const char *sysroot)
{
	return json_pack("{s:s}", "uuid", "4c4c4544-0042-3510-8054-b7c04f4d3732");
}

static FIXTURE void write_text(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", world.dir, name);
	_cleanup_free_ char *folder = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600), 0);
}

static FIXTURE char *read_text(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", world.dir, name);
	char *text = NULL;
	size_t len;

	return read_file(path, 1 << 20, &text, &len) == 0 ? text : NULL;
}

static FIXTURE void write_cmdline(const char *fingerprint)
{
	_cleanup_free_ char *line = xasprintf("quiet ingot.server=127.0.0.1:%u ingot.boot=http://127.0.0.1:%u/ "
					      "ingot.ca=%s BOOTIF=01-52-54-00-AA-00-01 console=ttyS0\n",
					      world.agents_port, world.boot_port, fingerprint);

	write_text("proc/cmdline", line);
}

static FIXTURE void write_identity(void)
{
	_cleanup_free_ char *server = xasprintf("127.0.0.1:%u", world.agents_port);
	json_t *identity = json_pack("{s:s, s:s, s:s, s:s, s:s}", "server", server, "ca", ca_pem(world.ca), "machine",
				     "m-1", "name", "node-1", "token", "once_abc");
	_cleanup_free_ char *text = json_dumps(identity, 0);

	write_text("state/identity.json", text);
	json_decref(identity);
}

static FIXTURE int set_up(void **state)
{
	static const char *const names[] = { "127.0.0.1", NULL };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *ca_dir = NULL;

	memset(&world, 0, sizeof(world));
	log_set_quiet(true);
	strncpy(world.dir, "/tmp/ingot-test-agent-XXXXXX", sizeof(world.dir) - 1);
	assert_non_null(mkdtemp(world.dir));
	ca_dir = xasprintf("%s/ca", world.dir);
	assert_int_equal(mkdir_p(ca_dir, 0700), 0);
	world.loop = loop_new(8);
	world.seen = json_object();
	if (ca_open(ca_dir, &world.ca, &err) < 0 ||
	    ca_issue_server(world.ca, CERT_PROVISIONER, names, &world.server_cert, &world.server_key, &err) < 0)
		fail_msg("%s", err.text);
	open_agents();
	assert_int_equal(http_server_new(&(struct http_server_spec){ .loop = world.loop,
								     .routes = boot_routes,
								     .address = "127.0.0.1",
								     .listen_fd = -1 },
					 &world.boot, NULL),
			 0);
	world.boot_port = http_server_port(world.boot);
	write_text("proc/sys/kernel/random/boot_id", BOOT_ID "\n");
	write_cmdline(ca_fingerprint(world.ca));
	write_identity();
	pthread_mutex_lock(&parts_memory.lock);
	parts_memory.echo_runs = parts_memory.waits_runs = parts_memory.fails_left = parts_memory.applied = 0;
	parts_memory.held = parts_memory.release = false;
	parts_memory.flush_result = 1;
	atomic_store(&parts_memory.long_cancelled, false);
	pthread_mutex_unlock(&parts_memory.lock);
	return 0;
}

static FIXTURE void start_agent(unsigned mode)
{
	_cleanup_free_ char *state_dir = xasprintf("%s/state", world.dir);
	_cleanup_err_ struct err err = ERR_INIT;

	if (agent_new(&(struct agent_spec){ .loop = world.loop,
					    .mode = mode,
					    .parts = parts,
					    .sysroot = world.dir,
					    .introduce = introduce,
					    .state_dir = mode == PART_NODE ? state_dir : NULL },
		      &world.agent, &err) < 0)
		fail_msg("%s", err.text);
}

static FIXTURE void stop_now(void *data)
{
	agent_stop(world.agent, DEADLINE_MS);
}

static FIXTURE void stop_agent(void)
{
	loop_timer_new(world.loop, 0, stop_now, NULL);
	assert_int_equal(loop_run(world.loop), 0);
	world.agent = agent_free(world.agent);
}

static FIXTURE int tear_down(void **state)
{
	if (world.agent)
		stop_agent();
	world.until = NULL;
	if (world.waiting)
		http_answer_json(TAKE_PTR(world.waiting), 204, NULL, NULL);
	loop_timer_free(world.waiting_timer);
	http_server_free(world.agents);
	http_server_free(world.boot);
	loop_free(world.loop);
	ca_free(world.ca);
	json_decref(world.desired);
	json_decref(world.seen);
	free(world.server_cert);
	free(world.server_key);
	free(world.token);
	free(world.last_introduction);
	free(world.last_csr);
	free(world.last_join);
	free(world.client_name);
	json_decref(parts_memory.applied_last);
	parts_memory.applied_last = NULL;
	nftw(world.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* ---- what is waited for ---- */

static FIXTURE const char *seen_text(const char *section)
{
	return json_string_value(json_object_get(world.seen, section));
}

static FIXTURE bool echo_says_nothing(void)
{
	return str_equal(seen_text("echo"), "nothing");
}

static FIXTURE bool echo_says_one(void)
{
	return str_equal(seen_text("echo"), "one");
}

static FIXTURE bool echo_says_two(void)
{
	return str_equal(seen_text("echo"), "two");
}

/* Parts count on their workers. */
static FIXTURE unsigned runs_of(const unsigned *counter)
{
	unsigned runs;

	pthread_mutex_lock(&parts_memory.lock);
	runs = *counter;
	pthread_mutex_unlock(&parts_memory.lock);
	return runs;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
