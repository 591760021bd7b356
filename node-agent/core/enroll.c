/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Credentials of a node: a key of its own and a certificate for it, given once for the token that the installer left. What
 * is asked for is stored before it is asked, so that after a crash the same question gets the same answer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/backoff.h"
#include "core/credentials_priv.h"
#include "core/renewal.h"
#include "crypto/crypto.h"
#include "http/http_client.h"

#define FILE_MAX_BYTES ((size_t)(256 * KIB))
#define CALL_DEADLINE_MS 30000
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 15000

struct node {
	struct loop *loop;
	char *dir;
	json_t *identity; /* identity.json as it stands on the disk */
	credentials_fn done;
	void *data;

	char *sysroot;
	json_t *(*introduce)(const char *sysroot);
	json_t *introduction; /* of a machine that joins */
	bool working, closed; /* a worker holds it */

	char *csr_pem;
	struct http_client *client;
	struct http_call *call;
	struct loop_timer *timer;
	struct renewal *renewal;
	int64_t given_ms[RENEWAL_KINDS]; /* over all renewals */
	struct loop_timer *reload_timer;
	struct backoff backoff;
	enum err_code last_failure; /* said once, until it is another */
	struct credentials credentials;
};

static void node_step(void *data);
static void node_ready(struct node *node);

static void node_failed(struct node *node, const struct err *err)
{
	enum err_code code = err && err->code != ERR_NONE ? err->code : ERR_UNREACHABLE;

	if (node->last_failure != code)
		log_warning("enrolling: %s", err && err->text ? err->text : "no answer");
	node->last_failure = code;
	loop_timer_free(node->timer);
	node->timer = loop_timer_new(node->loop, backoff_next_ms(&node->backoff), node_step, node);
}

/* ---- files ---- */

/* 0 with the text, or -ENOENT, or another negative errno with err filled. */
static int load_text(const struct node *node, const char *name, char **ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", node->dir, name);
	size_t len;
	int r = read_file(path, FILE_MAX_BYTES, ret, &len);

	return r < 0 && r != -ENOENT ? err_set_errno(err, r, "%s", path) : r;
}

static int store_text(const struct node *node, const char *name, const char *text, unsigned mode, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", node->dir, name);
	int r = write_file_atomic(path, text, strlen(text), mode);

	return r < 0 ? err_set_errno(err, r, "%s", path) : 0;
}

static const char *identity_text(const struct node *node, const char *key)
{
	return json_string_value(json_object_get(node->identity, key));
}

static int load_identity(struct node *node, struct err *err)
{
	static const char *const required[] = { "machine", "name", "server", "ca" };
	_cleanup_free_ char *text = NULL;
	size_t count = ARRAY_SIZE(required);
	json_error_t problem;
	int r = load_text(node, "identity.json", &text, err);

	if (r == -ENOENT)
		return err_set(err, ERR_INVALID, "%s/identity.json is missing: this host was not installed by Ingot",
			       node->dir);
	if (r < 0)
		return r;
	node->identity = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
	wipe(text, strlen(text));
	if (!json_is_object(node->identity))
		return err_set(err, ERR_INVALID, "%s/identity.json: line %d: %s", node->dir, problem.line,
			       problem.text);
	/* The last two are handed over later. */
	if (identity_text(node, "handover"))
		count -= 2;
	for (size_t i = 0; i < count; i++) {
		if (!identity_text(node, required[i]))
			return err_set(err, ERR_INVALID, "%s/identity.json has no text \"%s\"", node->dir, required[i]);
	}
	return 0;
}

/* The key goes first: a request on the disk always has its key beside it. */
static int ensure_request(struct node *node, struct err *err)
{
	int r = load_text(node, "agent.csr", &node->csr_pem, err);

	if (r == 0)
		return load_text(node, "agent.key", &node->credentials.key_pem, err) == 0
			       ? 0
			       : err_set(err, ERR_STATE, "%s/agent.csr has no agent.key beside it", node->dir);
	if (r != -ENOENT)
		return r;
	r = csr_new(identity_text(node, "name"), &node->credentials.key_pem, &node->csr_pem, err);
	if (r < 0)
		return r;
	r = store_text(node, "agent.key", node->credentials.key_pem, 0600, err);
	return r < 0 ? r : store_text(node, "agent.csr", node->csr_pem, 0600, err);
}

/* The token is of no more use: wiped from the disk once the certificate is there. */
static int forget_token(struct node *node, struct err *err)
{
	_cleanup_free_ char *text = NULL;

	if (!json_object_get(node->identity, "token"))
		return 0;
	json_object_del(node->identity, "token");
	json_object_del(node->identity, "handover");
	text = json_dumps(node->identity, JSON_INDENT(2));
	return store_text(node, "identity.json", text, 0600, err);
}

/* ---- what another program on this host hands over ---- */

/* A file of one who is no administrator here: it is not followed elsewhere, and nobody else may have read it. */
static int read_handover(const char *path, char **ret, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *text = new0(char, FILE_MAX_BYTES);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		free(text);
		return errno == ENOENT ? -ENOENT : err_set_errno(err, -errno, "%s", path);
	}
	n = S_ISREG(st.st_mode) && !(st.st_mode & 077) ? read(fd, text, FILE_MAX_BYTES - 1) : -1;
	if (n <= 0) {
		free(text);
		return err_set(err, ERR_INVALID, "%s is no file that only its owner may read, or is empty", path);
	}
	*ret = text;
	return 0;
}

/* Server, authority and token, from the provisioner on this very host (docs/protocol.md). It writes them anew as long as the
 * token was not used, so what is there now counts. 0 also if there is nothing (yet). */
static int take_handover(struct node *node, struct err *err)
{
	static const char *const keys[] = { "server", "ca", "token" };
	const char *path = identity_text(node, "handover");
	char *text = NULL;
	json_t *json;
	int r = path ? read_handover(path, &text, err) : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	wipe(text, strlen(text));
	free(text);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
		if (!json_is_string(json_object_get(json, keys[i])))
			r = err_set(err, ERR_INVALID, "%s has no text \"%s\"", path, keys[i]);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++)
		json_object_set(node->identity, keys[i], json_object_get(json, keys[i]));
	json_decref(json);
	if (r == 0) {
		free(node->credentials.url);
		node->credentials.url = xasprintf("https://%s", identity_text(node, "server"));
	}
	return r;
}

static int load_certificate(struct node *node, struct err *err)
{
	int r = load_text(node, "agent.crt", &node->credentials.cert_pem, err);

	if (r < 0)
		return r;
	r = load_text(node, "ca.crt", &node->credentials.ca_pem, err);
	if (r == -ENOENT) {
		node->credentials.ca_pem = xstrdup(identity_text(node, "ca"));
		r = 0;
	}
	return r < 0 ? r : forget_token(node, err);
}

/* ---- asking ---- */

static int take_answer(struct node *node, json_t *answer, struct err *err)
{
	const char *certificate = json_string_value(json_object_get(answer, "certificate"));
	const char *ca = json_string_value(json_object_get(answer, "ca"));
	_cleanup_free_ char *ours = NULL, *theirs = NULL;
	int r;

	if (!certificate || !ca)
		return err_set(err, ERR_INVALID, "the answer holds no certificate");
	r = csr_key_fingerprint(node->csr_pem, &ours, err);
	if (r == 0)
		r = csr_key_fingerprint(certificate, &theirs, err);
	if (r < 0)
		return r;
	if (!str_equal(ours, theirs))
		return err_set(err, ERR_INVALID, "the certificate given is for another key");
	r = store_text(node, "ca.crt", ca, 0644, err);
	if (r == 0)
		r = store_text(node, "agent.crt", certificate, 0644, err);
	if (r < 0)
		return r;
	str_set(&node->credentials.cert_pem, certificate);
	str_set(&node->credentials.ca_pem, ca);
	return forget_token(node, err);
}

static void enroll_answered(const struct http_response *response, const struct err *err, void *data)
{
	struct node *node = data;
	_cleanup_err_ struct err problem = ERR_INIT;

	node->call = NULL;
	if (response->status < 200 || response->status > 299) {
		node_failed(node, err);
		return;
	}
	if (take_answer(node, response->json, &problem) < 0) {
		node_failed(node, &problem);
		return;
	}
	log_info("enrolled as node %s", str_or(json_string_value(json_object_get(response->json, "node")), "?"));
	node->client = http_client_free(node->client);
	node->last_failure = ERR_NONE;
	backoff_reset(&node->backoff);
	node_ready(node);
}

/* A machine that the provisioner does not know says what it is (docs/protocol.md, "join"). */
static bool joins(const struct node *node)
{
	return !*identity_text(node, "machine");
}

static void node_free(struct node *node)
{
	http_client_free(node->client);
	credentials_done(&node->credentials);
	json_decref(node->identity);
	json_decref(node->introduction);
	free(node->csr_pem);
	free(node->sysroot);
	free(node->dir);
	free(node);
}

static void introduce_work(void *data)
{
	struct node *node = data;

	node->introduction = node->introduce(node->sysroot);
}

static void introduce_done(void *data)
{
	static const char *const told[] = { "name", "disk", "pool_disks" };
	struct node *node = data;
	json_t *mac = json_object_get(node->identity, "mac");

	node->working = false;
	if (node->closed) {
		node_free(node);
		return;
	}
	if (node->introduction && mac)
		json_object_set(node->introduction, "boot_mac", mac);
	for (size_t i = 0; node->introduction && i < ARRAY_SIZE(told); i++) {
		json_t *value = json_object_get(node->identity, told[i]);

		if (value)
			json_object_set(node->introduction, told[i], value);
	}
	if (node->introduction)
		node_step(node);
	else
		node_failed(node, NULL);
}

/* Whether there is all that it takes to ask; if not, it is on its way, or said. */
static bool ready_to_ask(struct node *node)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (take_handover(node, &err) < 0) {
		node_failed(node, &err);
		return false;
	}
	if (!identity_text(node, "token")) {
		if (identity_text(node, "handover"))
			err_set(&err, ERR_UNREACHABLE, "the provisioner of this host has not handed a token over yet");
		else
			err_set(&err, ERR_CREDENTIALS,
				"there is neither a certificate nor a token to get one with; install this machine anew from "
				"the installation medium, by a join token");
		node_failed(node, &err);
		return false;
	}
	if (!joins(node) || node->introduction)
		return true;
	node->working = loop_work(node->loop, NULL, introduce_work, introduce_done, node) == 0;
	if (!node->working)
		node_failed(node, NULL);
	return false;
}

static void node_ask(struct node *node)
{
	_cleanup_free_ char *url = NULL;
	json_t *body;

	if (!ready_to_ask(node))
		return;
	url = xasprintf("%s/agent/v1/enroll", node->credentials.url);
	/* Anew each time: the authority may have been handed over anew. */
	http_client_free(node->client);
	node->client = http_client_new(&(struct http_client_spec){
		.loop = node->loop, .ca_pem = identity_text(node, "ca"), .server_name = CERT_PROVISIONER });
	body = json_pack("{s:s, s:s}", "token", identity_text(node, "token"), "csr", node->csr_pem);
	if (joins(node))
		json_object_set(body, "join", node->introduction);
	node->call = http_call_new(node->client, &(struct http_call_spec){
							 .method = "POST",
							 .url = url,
							 .json = body,
							 .deadline_ms = CALL_DEADLINE_MS,
							 .done = enroll_answered,
							 .data = node,
						 });
	json_decref(body);
}

/* ---- with a certificate ---- */

static void node_renewed(void *data);

static void node_ready(struct node *node)
{
	if (!node->renewal)
		node->renewal = renewal_new(&(struct renewal_spec){ .loop = node->loop,
								    .dir = node->dir,
								    .url = node->credentials.url,
								    .ca_pem = node->credentials.ca_pem,
								    .cert_pem = node->credentials.cert_pem,
								    .key_pem = node->credentials.key_pem,
								    .given_ms = node->given_ms,
								    .renewed = node_renewed,
								    .data = node });
	node->done(&node->credentials, node->data);
}

/* Both of one pair, or the old ones stay: they are good for a while yet. */
static void node_reload(void *data)
{
	struct node *node = data;
	char *key = NULL, *cert = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	node->reload_timer = NULL;
	if (load_text(node, "agent.key", &key, &err) == 0 && load_text(node, "agent.crt", &cert, &err) == 0) {
		wipe(node->credentials.key_pem, strlen(node->credentials.key_pem));
		free(node->credentials.key_pem);
		free(node->credentials.cert_pem);
		node->credentials.key_pem = TAKE_PTR(key);
		node->credentials.cert_pem = TAKE_PTR(cert);
		node->renewal = renewal_free(node->renewal);
		node_ready(node);
	} else {
		log_warning("the new certificate is not used before the next start: %s",
			    str_or(err.text, "it is gone"));
	}
	if (key)
		wipe(key, strlen(key));
	free(key);
	free(cert);
}

/* The renewal is on the stack. */
static void node_renewed(void *data)
{
	struct node *node = data;

	loop_timer_free(node->reload_timer);
	node->reload_timer = loop_timer_new(node->loop, 0, node_reload, node);
}

static void node_step(void *data)
{
	struct node *node = data;

	node->timer = NULL;
	if (node->credentials.cert_pem)
		node_ready(node);
	else if (!node->call && !node->working)
		node_ask(node);
}

/* ---- the table ---- */

static void node_close(void *source)
{
	struct node *node = source;

	if (!node)
		return;
	http_call_free(node->call);
	renewal_free(node->renewal);
	loop_timer_free(node->reload_timer);
	loop_timer_free(node->timer);
	node->call = NULL;
	node->timer = NULL;
	node->renewal = NULL;
	node->reload_timer = NULL;
	if (node->working)
		node->closed = true;
	else
		node_free(node);
}

static int node_load(struct node *node, struct err *err)
{
	int r = mkdir_p(node->dir, 0700);

	if (r < 0)
		return err_set_errno(err, r, "%s", node->dir);
	renewal_settle(node->dir);
	r = load_identity(node, err);
	if (r == 0)
		r = ensure_request(node, err);
	if (r < 0)
		return r;
	node->credentials.url = xasprintf("https://%s", str_or(identity_text(node, "server"), ""));
	r = load_certificate(node, err);
	return r == -ENOENT ? 0 : r;
}

static int node_open(const struct agent_spec *spec, credentials_fn done, void *data, void **ret, struct err *err)
{
	struct node *node = new0(struct node, 1);
	int r;

	node->loop = spec->loop;
	node->dir = xstrdup(spec->state_dir);
	node->sysroot = xstrdup(str_or(spec->sysroot, ""));
	node->introduce = spec->introduce;
	node->done = done;
	node->data = data;
	node->backoff = (struct backoff){ .first_ms = BACKOFF_FIRST_MS, .max_ms = BACKOFF_MAX_MS };
	r = node_load(node, err);
	if (r < 0) {
		node_close(node);
		return r;
	}
	*ret = node;
	return 0;
}

static void say_refused(const struct node *node)
{
	int64_t from_ms, until_ms;

	if (cert_validity(node->credentials.cert_pem, &from_ms, &until_ms, NULL) == 0 &&
	    until_ms < loop_now_ms(node->loop)) {
		_cleanup_free_ char *until = time_format(until_ms);

		log_error("this node's certificate ran out on %s; what brings it back is said at the node in the "
			  "provisioner (ingot node show)",
			  until);
		return;
	}
	log_warning("the provisioner refuses this node's certificate; trying again");
}

static void node_get(void *source, bool refused)
{
	struct node *node = source;

	if (refused && node->credentials.cert_pem)
		say_refused(node);
	loop_timer_free(node->timer);
	node->timer = loop_timer_new(node->loop, refused ? BACKOFF_MAX_MS : 0, node_step, node);
}

const struct credentials_source node_credentials = { .open = node_open, .get = node_get, .close = node_close };
