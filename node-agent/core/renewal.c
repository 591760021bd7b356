/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/renewal.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "core/backoff.h"
#include "crypto/crypto.h"
#include "http/http_client.h"

#define FILE_MAX_BYTES ((size_t)(256 * KIB))
#define CALL_DEADLINE_MS 30000
/* While one is missing, virtual machines cannot move. */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 600000
/* If the clocks here and there differ by years a new one may seem old: not more often than this. */
#define ASKED_INTERVAL_MS (INT64_C(3600) * 1000)
/* Clocks are set and machines sleep: a far day is not left to one timer. */
#define LOOK_MAX_MS (INT64_C(24) * 3600 * 1000)

/* What there is: files NAME.key and NAME.crt. */
static const struct {
	const char *use; /* as the provisioner calls it */
	const char *name;
} kinds[RENEWAL_KINDS] = { { "node", "agent" }, { "guests", "guests" } };

struct renewal {
	struct loop *loop;
	struct http_client *client;
	char *dir, *url;
	void (*renewed)(void *data);
	void *data;
	struct http_call *call;
	struct loop_timer *timer;
	struct backoff backoff;
	bool failure_said;
	int64_t *given_ms; /* the owner's, by kind; 0: not yet */
	/* What is asked for. */
	size_t kind;
	char *key_pem, *csr_pem;
};

static void look(void *data);

static void look_in(struct renewal *renewal, int64_t delay_ms)
{
	loop_timer_free(renewal->timer);
	renewal->timer = loop_timer_new(renewal->loop, delay_ms, look, renewal);
}

static void forget_request(struct renewal *renewal)
{
	if (renewal->key_pem)
		wipe(renewal->key_pem, strlen(renewal->key_pem));
	free(TAKE_PTR(renewal->key_pem));
	free(TAKE_PTR(renewal->csr_pem));
}

static void failed(struct renewal *renewal, const struct err *err)
{
	if (!renewal->failure_said)
		log_warning("asking for a certificate for %s: %s", kinds[renewal->kind].use,
			    err && err->text ? err->text : "no answer");
	renewal->failure_said = true;
	forget_request(renewal);
	look_in(renewal, backoff_next_ms(&renewal->backoff));
}

/* ---- files ---- */

/* The certificate's new file is written last and goes last: if it is there, the new key is there as well, or in its place. */
static void settle(const char *dir, const char *name)
{
	_cleanup_free_ char *key = xasprintf("%s/%s.key", dir, name), *crt = xasprintf("%s/%s.crt", dir, name);
	_cleanup_free_ char *new_key = xasprintf("%s.new", key), *new_crt = xasprintf("%s.new", crt);

	if (access(new_crt, F_OK) < 0) {
		unlink(new_key);
		return;
	}
	rename(new_key, key);
	rename(new_crt, crt);
}

void renewal_settle(const char *dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		settle(dir, kinds[i].name);
}

static int write_new(const struct renewal *renewal, const char *suffix, const char *text, unsigned mode,
		     struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s.%s.new", renewal->dir, kinds[renewal->kind].name, suffix);
	int r = write_file_atomic(path, text, strlen(text), mode);

	return r < 0 ? err_set_errno(err, r, "cannot write %s", path) : 0;
}

static int replace(const struct renewal *renewal, const char *certificate, struct err *err)
{
	int r = write_new(renewal, "key", renewal->key_pem, 0600, err);

	if (r == 0)
		r = write_new(renewal, "crt", certificate, 0644, err);
	if (r == 0)
		settle(renewal->dir, kinds[renewal->kind].name);
	return r;
}

/* In how many ms it is time for a new one; 0: now. */
static int64_t due_in_ms(const struct renewal *renewal, size_t kind)
{
	_cleanup_free_ char *path = xasprintf("%s/%s.crt", renewal->dir, kinds[kind].name), *pem = NULL;
	int64_t given_ms = renewal->given_ms[kind], pause_ms = 0, from_ms, until_ms;

	if (given_ms)
		pause_ms = MAX_OF(given_ms + ASKED_INTERVAL_MS - loop_monotonic_ms(renewal->loop), 0);
	if (read_file(path, FILE_MAX_BYTES, &pem, NULL) < 0 || cert_validity(pem, &from_ms, &until_ms, NULL) < 0)
		return pause_ms;
	return MAX_OF(from_ms + (until_ms - from_ms) / 3 * 2 - loop_now_ms(renewal->loop), pause_ms);
}

/* ---- asking ---- */

static int take_answer(struct renewal *renewal, const json_t *answer, struct err *err)
{
	const char *certificate = json_string_value(json_object_get(answer, "certificate"));
	_cleanup_free_ char *ours = NULL, *theirs = NULL;
	int r;

	if (!certificate)
		return err_set(err, ERR_INVALID, "the answer holds no certificate");
	r = csr_key_fingerprint(renewal->csr_pem, &ours, err);
	if (r == 0)
		r = csr_key_fingerprint(certificate, &theirs, err);
	if (r < 0)
		return r;
	if (!str_equal(ours, theirs))
		return err_set(err, ERR_INVALID, "the certificate given is for another key");
	return replace(renewal, certificate, err);
}

static void answered(const struct http_response *response, const struct err *err, void *data)
{
	struct renewal *renewal = data;
	_cleanup_err_ struct err problem = ERR_INIT;

	renewal->call = NULL;
	if (response->status != 200) {
		failed(renewal, err);
		return;
	}
	if (take_answer(renewal, response->json, &problem) < 0) {
		failed(renewal, &problem);
		return;
	}
	renewal->given_ms[renewal->kind] = MAX_OF(loop_monotonic_ms(renewal->loop), 1);
	log_info("there is a new certificate for %s", kinds[renewal->kind].use);
	forget_request(renewal);
	renewal->failure_said = false;
	backoff_reset(&renewal->backoff);
	look_in(renewal, 0);
	if (str_equal(kinds[renewal->kind].use, "node"))
		renewal->renewed(renewal->data);
}

static void ask(struct renewal *renewal, size_t kind)
{
	_cleanup_free_ char *url = xasprintf("%s/agent/v1/certificate", renewal->url);
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *body;

	renewal->kind = kind;
	/* Whose it will be is the provisioner's to say. */
	if (csr_new(kinds[kind].name, &renewal->key_pem, &renewal->csr_pem, &err) < 0) {
		failed(renewal, &err);
		return;
	}
	body = json_pack("{s:s, s:s}", "use", kinds[kind].use, "csr", renewal->csr_pem);
	renewal->call = http_call_new(renewal->client, &(struct http_call_spec){
							       .method = "POST",
							       .url = url,
							       .json = body,
							       .deadline_ms = CALL_DEADLINE_MS,
							       .done = answered,
							       .data = renewal,
						       });
	json_decref(body);
}

static void look(void *data)
{
	struct renewal *renewal = data;
	int64_t next_ms = LOOK_MAX_MS;

	renewal->timer = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t due_ms = due_in_ms(renewal, i);

		if (due_ms == 0) {
			ask(renewal, i);
			return;
		}
		next_ms = MIN_OF(next_ms, due_ms);
	}
	look_in(renewal, next_ms);
}

/* ---- life ---- */

struct renewal *renewal_new(const struct renewal_spec *spec)
{
	struct renewal *renewal = new0(struct renewal, 1);

	renewal->loop = spec->loop;
	renewal->dir = xstrdup(spec->dir);
	renewal->url = xstrdup(spec->url);
	renewal->given_ms = spec->given_ms;
	renewal->renewed = spec->renewed;
	renewal->data = spec->data;
	renewal->backoff = (struct backoff){ .first_ms = BACKOFF_FIRST_MS, .max_ms = BACKOFF_MAX_MS };
	renewal->client = http_client_new(&(struct http_client_spec){ .loop = spec->loop,
								      .ca_pem = spec->ca_pem,
								      .server_name = CERT_PROVISIONER,
								      .cert_pem = spec->cert_pem,
								      .key_pem = spec->key_pem });
	look_in(renewal, 0);
	return renewal;
}

struct renewal *renewal_free(struct renewal *renewal)
{
	if (!renewal)
		return NULL;
	http_call_free(renewal->call);
	loop_timer_free(renewal->timer);
	http_client_free(renewal->client);
	forget_request(renewal);
	free(renewal->dir);
	free(renewal->url);
	free(renewal);
	return NULL;
}
