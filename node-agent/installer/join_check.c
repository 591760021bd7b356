/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/join_check.h"

#include <stdio.h>

#include "crypto/crypto.h"
#include "crypto/join_text.h"
#include "http/http_client.h"
#include "installer/plan.h"
#include "installer/uplink.h"
#include "installer/words.h"
#include "inventory/inventory.h"

#define CA_MAX_BYTES ((size_t)(64 * KIB))
#define CALL_DEADLINE_MS 15000
#define FINGERPRINT_SHOWN 16

/* ---- one call ---- */

struct reply {
	struct loop *loop;
	int status;
	char *text;
	struct err err;
};

static void reply_done(struct reply *reply)
{
	free(reply->text);
	err_done(&reply->err);
}

static void answered(const struct http_response *response, const struct err *err, void *data)
{
	struct reply *reply = data;

	reply->status = response->status;
	reply->text = response->len ? xstrndup(response->data, response->len) : NULL;
	err_copy(&reply->err, err);
	loop_quit(reply->loop, 0);
}

/* body: stolen; NULL: GET. */
static void call(const char *url, const char *ca_pem, json_t *body, struct reply *ret)
{
	struct loop *loop = loop_new(1);
	struct http_client *client = http_client_new(&(struct http_client_spec){
		.loop = loop, .ca_pem = ca_pem, .server_name = ca_pem ? CERT_PROVISIONER : NULL });

	ret->loop = loop;
	http_call_new(client, &(struct http_call_spec){ .method = body ? "POST" : "GET",
							.url = url,
							.json = body,
							.deadline_ms = CALL_DEADLINE_MS,
							.response_max_bytes = CA_MAX_BYTES,
							.done = answered,
							.data = ret });
	loop_run(loop);
	http_client_free(client);
	loop_free(loop);
	json_decref(body);
}

/* ---- the questions ---- */

struct asking {
	const struct machine *machine;
	const struct answers *answers;
	struct problems *problems;
	struct join_text join;
	const char *address;
	enum answer where; /* the field that names the address */
};

static void unreachable(const struct asking *asking, const char *url, const struct err *err)
{
	problem_add(
		asking->problems, asking->where,
		"the provisioner does not answer at %s (%s); look at the cable and at network.*, or name an address in "
		"join.address by which it is reached from here",
		url, str_or(err->text, tr("no answer")));
}

/* The certificate that the token's fingerprint names, and no other: it comes in the clear. */
static char *fetch_ca(const struct asking *asking)
{
	_cleanup_free_ char *url = xasprintf("http://%s:%u/ca.pem", asking->address, asking->join.boot_port);
	_cleanup_(reply_done) struct reply reply = { 0 };
	_cleanup_free_ char *fingerprint = NULL;

	call(url, NULL, NULL, &reply);
	if (reply.status != 200 || !reply.text) {
		unreachable(asking, url, &reply.err);
		return NULL;
	}
	if (cert_fingerprint(reply.text, &fingerprint, NULL) < 0 || !str_equal(fingerprint, asking->join.ca)) {
		problem_add(
			asking->problems, asking->where,
			"whoever answers at %s is not the provisioner of the token: its authority's fingerprint is %.*s..., "
			"the token names %.*s...; nothing was told to it. Take a token of that provisioner, or find out who is "
			"there",
			asking->address, FINGERPRINT_SHOWN, str_or(fingerprint, "none"), FINGERPRINT_SHOWN,
			asking->join.ca);
		return NULL;
	}
	return TAKE_PTR(reply.text);
}

static json_t *introduction(const struct asking *asking)
{
	const struct answers *answers = asking->answers;
	json_t *join = inventory_hello(asking->machine->sysroot);

	json_object_set_new(join, "name", json_string(answers_get(answers, ANSWER_HOST_NAME)));
	return json_pack("{s:s, s:o}", "token", answers_get(answers, ANSWER_JOIN_TOKEN), "join", join);
}

static bool may_join(const struct asking *asking, const char *ca_pem)
{
	_cleanup_free_ char *server = plan_server(asking->answers);
	_cleanup_free_ char *url = xasprintf("https://%s/agent/v1/join", server);
	_cleanup_(reply_done) struct reply reply = { 0 };

	call(url, ca_pem, introduction(asking), &reply);
	if (reply.status == 200)
		return true;
	if (reply.status == 0)
		unreachable(asking, url, &reply.err);
	else if (str_equal(reply.err.field, "name"))
		problem_add(asking->problems, ANSWER_HOST_NAME, "the provisioner refuses it: %s", reply.err.text);
	else
		problem_add(asking->problems, ANSWER_JOIN_TOKEN, "the provisioner refuses this machine: %s",
			    str_or(reply.err.text, tr("without a reason")));
	return false;
}

void join_check(const struct machine *machine, const struct answers *answers, char **ret_ca_pem,
		struct problems *problems)
{
	const char *address = answers_get(answers, ANSWER_JOIN_ADDRESS);
	struct asking asking = { .machine = machine, .answers = answers, .problems = problems };
	_cleanup_free_ char *ca_pem = NULL;
	struct uplink uplink;

	*ret_ca_pem = NULL;
	if (!answers_joins(answers) || answers_keep(answers) ||
	    join_text_parse(str_or(answers_get(answers, ANSWER_JOIN_TOKEN), ""), &asking.join) < 0)
		return;
	asking.address = str_or(address, asking.join.address);
	asking.where = address ? ANSWER_JOIN_ADDRESS : ANSWER_JOIN_TOKEN;
	if (!uplink_open(machine, answers, &uplink, problems))
		return;
	ca_pem = fetch_ca(&asking);
	if (ca_pem && may_join(&asking, ca_pem))
		*ret_ca_pem = TAKE_PTR(ca_pem);
	uplink_close(&uplink);
}
