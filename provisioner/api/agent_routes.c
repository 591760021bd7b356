/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listener for agents: who speaks is found out here, what is said goes to cluster and machine. */
#include "api/api_priv.h"

#define STRANGER_BODY_MAX (8 * KIB) /* a hello with 64 MAC addresses */
#define NEW_BODY_MAX (32 * KIB)	    /* of a machine that nobody has accepted: an inventory with a hundred disks */
#define BODY_MAX MIB
#define WAIT_MAX_S 60

/* A node by its certificate, else a machine by the token of its boot. */
static int find_peer(struct api *api, struct http_request *request, struct peer *ret, struct err *err)
{
	const char *node = http_request_client_name(request);
	const struct machine *machine = NULL;
	if (node) {
		const struct node *known = store_get(api->store, &kind_node, node);
		if (!known)
			return err_set(err, ERR_UNAUTHENTICATED, "node '%s' is not a member (any more)", node);
		*ret = (struct peer){ .node = known->id };
		return 0;
	}
	int r = machine_agent_find(api->spec.machines, http_request_bearer(request), &machine, err);
	if (r == 0)
		*ret = (struct peer){ .machine = machine->id };
	return r;
}

static void answer(struct http_request *request, int r, json_t *reply, const struct err *err)
{
	if (r < 0)
		http_answer_problem(request, err);
	else
		http_answer_json(request, 200, reply ? reply : json_object(), NULL);
}

static void hello(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api *api = data;
	json_t *body = NULL, *reply = NULL;
	int r = http_request_json(request, &body, &err);
	if (r == 0)
		r = machine_agent_hello(api->spec.machines, body, http_request_peer(request), &reply, &err);
	json_decref(body);
	answer(request, r, reply, &err);
}

static void enroll(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api *api = data;
	json_t *body = NULL, *reply = NULL;
	int r = http_request_json(request, &body, &err);
	if (r == 0)
		r = cluster_agent_enroll(api->spec.cluster, body, http_request_peer(request), &reply, &err);
	json_decref(body);
	answer(request, r, reply, &err);
}

static void join(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api *api = data;
	json_t *body = NULL, *reply = NULL;
	int r = http_request_json(request, &body, &err);
	if (r == 0)
		r = cluster_agent_may_join(api->spec.cluster, body, &reply, &err);
	json_decref(body);
	answer(request, r, reply, &err);
}

/* For nodes only: the token of a boot opens nothing here. */
static void on_certificate(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api *api = data;
	json_t *body = NULL, *reply = NULL;
	struct peer peer;
	int r = find_peer(api, request, &peer, &err);
	if (r == 0 && !peer.node)
		r = err_set(&err, ERR_FORBIDDEN, "only a node, with its certificate, can ask for another");
	if (r == 0)
		r = http_request_json(request, &body, &err);
	if (r == 0)
		r = cluster_agent_certificate(api->spec.cluster, peer.node, body, &reply, &err);
	json_decref(body);
	answer(request, r, reply, &err);
}

static void report(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api *api = data;
	json_t *body = NULL;
	struct peer peer;
	int r = find_peer(api, request, &peer, &err);
	if (r == 0)
		r = http_request_json(request, &body, &err);
	if (r == 0)
		r = cluster_agent_report(api->spec.cluster, &peer, body, &err);
	json_decref(body);
	answer(request, r, NULL, &err);
}

static void on_hello(struct http_request *request, void *data)
{
	agent_queue_add(data, request, true, hello);
}

static void on_enroll(struct http_request *request, void *data)
{
	agent_queue_add(data, request, true, enroll);
}

static void on_join(struct http_request *request, void *data)
{
	agent_queue_add(data, request, true, join);
}

/* A hello gives everybody a token: until a person has accepted its machine, who bears it is no less a stranger. */
static void on_report(struct http_request *request, void *data)
{
	struct api *api = data;
	const struct machine *machine = machine_agent_known(api->spec.machines, http_request_bearer(request));
	bool stranger = !http_request_client_name(request) && (!machine || machine->state == MACHINE_NEW);
	agent_queue_add(api, request, stranger, report);
}

/* ---- the long poll ---- */

struct poll {
	struct api *api;
	struct http_request *request;
	struct desired_wait *wait;
	int64_t after;
};

static void answer_desired(struct api *api, struct http_request *request, int64_t after)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct peer peer;
	if (find_peer(api, request, &peer, &err) < 0) {
		http_answer_problem(request, &err);
		return;
	}
	json_t *document = cluster_agent_desired(api->spec.cluster, &peer, after);
	http_answer_json(request, document ? 200 : 204, document, NULL);
}

static void poll_over(void *data)
{
	struct poll *poll = data;
	answer_desired(poll->api, poll->request, poll->after);
	free(poll);
}

static void poll_gone(void *data)
{
	struct poll *poll = data;
	desired_wait_free(poll->wait);
	free(poll);
}

static void start_poll(struct api *api, struct http_request *request, const struct peer *peer, int64_t after,
		       int64_t wait_s)
{
	struct poll *poll = new0(struct poll, 1);
	poll->api = api;
	poll->request = request;
	poll->after = after;
	poll->wait = cluster_agent_wait(api->spec.cluster, peer, after, wait_s * 1000, poll_over, poll);
	http_request_on_gone(request, poll_gone, poll);
}

static int query_number(struct http_request *request, const char *name, int64_t max, int64_t *ret, struct err *err)
{
	const char *text = http_request_query(request, name);
	if (text && parse_i64(text, 0, max, ret) < 0)
		return err_set_field(err, ERR_INVALID, name, "%s: must be a number up to %lld", name, (long long)max);
	return 0;
}

static void on_desired(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api *api = data;
	struct peer peer;
	int64_t after = -1, wait_s = 0;
	int r = find_peer(api, request, &peer, &err);
	if (r == 0)
		r = query_number(request, "after", INT64_MAX, &after, &err);
	if (r == 0)
		r = query_number(request, "wait_s", WAIT_MAX_S, &wait_s, &err);
	if (r < 0) {
		http_answer_problem(request, &err);
		return;
	}
	json_t *document = cluster_agent_desired(api->spec.cluster, &peer, after);
	if (document)
		http_answer_json(request, 200, document, NULL);
	else if (wait_s == 0)
		http_answer_json(request, 204, NULL, NULL);
	else
		start_poll(api, request, &peer, after, wait_s);
}

/* ---- who may come in, before anything is read of what is said ---- */

/* An agent says hello once in a boot, and again after a while if that went wrong. Each costs a commit. */
static const struct rate stranger_rate = { .most = 100, .per_minute = 600 };

static int admit_stranger(struct api *api, struct http_request *request, struct err *err)
{
	uint64_t key = rate_key_of_address(http_request_peer(request));
	int64_t now = loop_monotonic_ms(api->spec.loop);
	int64_t wait = rate_wait_ms(&api->strangers, key, &stranger_rate, now);
	if (wait > 0)
		return err_set(err, ERR_RATE_LIMIT,
			       "too many machines say hello from this address; try again in a second");
	rate_take(&api->strangers, key, &stranger_rate, now);
	return 0;
}

/* A live agent asks at most once a second, and reports every ten seconds or when it has news, as an installer often has. */
static const struct rate new_rate = { .most = 120, .per_minute = 120 };
static const struct rate boot_rate = { .most = 600, .per_minute = 600 };

static int admit_boot(struct api *api, const struct machine *machine, struct err *err)
{
	bool is_new = machine->state == MACHINE_NEW;
	const struct rate *rate = is_new ? &new_rate : &boot_rate;
	uint64_t key = rate_key(is_new ? 'n' : 'b', machine->id, strlen(machine->id));
	int64_t now = loop_monotonic_ms(api->spec.loop);
	if (rate_wait_ms(&api->boots, key, rate, now) > 0)
		return err_set(err, ERR_RATE_LIMIT,
			       "the agent of this machine speaks too often; try again in a second");
	rate_take(&api->boots, key, rate, now);
	return 0;
}

static int admit_known(struct api *api, struct http_request *request, struct err *err)
{
	const char *node = http_request_client_name(request);
	const struct machine *machine = machine_agent_known(api->spec.machines, http_request_bearer(request));
	if (node ? !store_get(api->store, &kind_node, node) : !machine)
		return err_set(err, ERR_UNAUTHENTICATED,
			       node ? "the node of this certificate is not a member (any more)"
				    : "the token is not of a boot that is known; say hello again");
	if (!node && machine->state == MACHINE_NEW)
		http_request_limit_body(request, NEW_BODY_MAX);
	return node ? 0 : admit_boot(api, machine, err);
}

/* A node asks for two in years. Each is signed, committed and told of; one whose clock is wrong may ask all the time. */
static const struct rate renewal_rate = { .most = 10, .per_minute = 1 };

static int admit_renewal(struct api *api, struct http_request *request, struct err *err)
{
	const char *node = http_request_client_name(request);
	int r = admit_known(api, request, err);
	if (r < 0 || !node)
		return r;
	uint64_t key = rate_key('n', node, strlen(node));
	int64_t now = loop_monotonic_ms(api->spec.loop);
	if (rate_wait_ms(&api->renewals, key, &renewal_rate, now) > 0)
		return err_set(
			err, ERR_RATE_LIMIT,
			"this node asks for certificates all the time; its clock may be wrong: look at its date");
	rate_take(&api->renewals, key, &renewal_rate, now);
	return 0;
}

/* A ticket that is not known is refused by what it opens. */
static int admit_ticket(struct api *api, struct http_request *request, struct err *err)
{
	return 0;
}

/* The tag of a route. */
struct admission {
	int (*admit)(struct api *api, struct http_request *request, struct err *err);
};
static const struct admission stranger = { admit_stranger }, known = { admit_known }, renewal = { admit_renewal },
			      ticket = { admit_ticket };

bool api_agent_admit(struct http_request *request, void *data)
{
	static const char *const later[] = { "Retry-After: 1", NULL };
	_cleanup_err_ struct err err = ERR_INIT;
	const struct admission *admission = http_request_route(request)->tag;
	if (admission->admit(data, request, &err) == 0)
		return true;
	http_answer_problem_with(request, &err, err.code == ERR_RATE_LIMIT ? later : NULL);
	return false;
}

static const struct http_route routes[] = {
	{ "POST", "/agent/v1/hello", .body_max_bytes = STRANGER_BODY_MAX, .handler = on_hello, .tag = &stranger },
	{ "POST", "/agent/v1/enroll", .body_max_bytes = NEW_BODY_MAX, .handler = on_enroll, .tag = &stranger },
	{ "POST", "/agent/v1/join", .body_max_bytes = NEW_BODY_MAX, .handler = on_join, .tag = &stranger },
	{ "GET", "/agent/v1/desired", .handler = on_desired, .tag = &known },
	{ "POST", "/agent/v1/certificate", .body_max_bytes = NEW_BODY_MAX, .handler = on_certificate, .tag = &renewal },
	{ "POST", "/agent/v1/report", .body_max_bytes = BODY_MAX, .handler = on_report, .tag = &known },
	{ "GET", "/agent/v1/console/{ticket}", .handler = api_agent_console, .tag = &ticket },
	{ .method = NULL },
};

const struct http_route *api_agent_routes(struct api *api, size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(routes) - 1;
	return routes;
}
