/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>

#include "base/log.h"
#include "core/backoff.h"
#include "core/session.h"
#include "http/http_client.h"

#define DESIRED_WAIT_S 25
#define DESIRED_DEADLINE_MS (DESIRED_WAIT_S * 1000 + 20000)
/* A server that answers at once what should have waited is not asked more often than this. */
#define DESIRED_INTERVAL_MS 1000
#define REPORT_DEADLINE_MS 15000
#define REPORT_COALESCE_MS 100
#define HEARTBEAT_MS 10000
/* Every so many reports one is whole: the other side may have lost what it had. */
#define WHOLE_REPORT_EVERY 6
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 15000

struct session {
	struct session_spec spec;
	char *url, *boot_id;
	bool refused;
	bool unreachable_logged;

	struct http_call *desired_call;
	struct loop_timer *desired_timer;
	struct backoff desired_backoff;
	int64_t desired_asked_ms;
	json_int_t generation;
	bool has_document;

	struct http_call *report_call;
	struct loop_timer *report_timer;
	int64_t report_due_ms; /* when the timer fires */
	struct backoff report_backoff;
	bool report_changed;
	unsigned reports_since_whole;
};

static void ask_desired(void *data);
static void send_report(void *data);

/* True if the session is over. Says what went wrong once, until something goes right. */
static bool call_failed(struct session *session, const struct http_response *response, const struct err *err,
			const char *what)
{
	if (response->status == 401 && !session->refused) {
		session->refused = true;
		session->spec.refused(err, session->spec.data);
	}
	if (session->refused)
		return true;
	if (!session->unreachable_logged)
		log_warning("%s: %s: %s", session->url, what, err && err->text ? err->text : "no answer");
	session->unreachable_logged = true;
	return false;
}

static void call_succeeded(struct session *session)
{
	if (session->unreachable_logged)
		log_info("%s answers again", session->url);
	session->unreachable_logged = false;
}

/* ---- desired ---- */

static void ask_desired_in(struct session *session, int64_t delay_ms)
{
	loop_timer_free(session->desired_timer);
	session->desired_timer = loop_timer_new(session->spec.loop, delay_ms, ask_desired, session);
}

/* True if the document is another one than we have. */
static bool take_document(struct session *session, json_t *document)
{
	json_t *generation = json_object_get(document, "generation");

	if (!json_is_integer(generation)) {
		log_warning("%s: the desired document has no generation and is ignored", session->url);
		return false;
	}
	if (session->has_document && json_integer_value(generation) == session->generation)
		return false;
	log_debug("desired document has generation %" JSON_INTEGER_FORMAT, json_integer_value(generation));
	session->has_document = true;
	session->generation = json_integer_value(generation);
	converge_desired(session->spec.converge, document);
	return true;
}

/* Generation 0, which the first question names, is the present one: nothing is desired. */
static void take_first_empty(struct session *session)
{
	json_t *nothing = json_pack("{s:i}", "generation", 0);

	take_document(session, nothing);
	json_decref(nothing);
}

static void desired_answered(const struct http_response *response, const struct err *err, void *data)
{
	struct session *session = data;
	int64_t took_ms = loop_monotonic_ms(session->spec.loop) - session->desired_asked_ms;
	bool news;

	session->desired_call = NULL;
	if (response->status != 200 && response->status != 204) {
		if (!call_failed(session, response, err, "asking for the desired state"))
			ask_desired_in(session, backoff_next_ms(&session->desired_backoff));
		return;
	}
	call_succeeded(session);
	backoff_reset(&session->desired_backoff);
	if (response->status == 204 && !session->has_document)
		take_first_empty(session);
	news = response->status == 200 && take_document(session, response->json);
	ask_desired_in(session, news ? 0 : MAX_OF(DESIRED_INTERVAL_MS - took_ms, 0));
}

static void ask_desired(void *data)
{
	struct session *session = data;
	_cleanup_free_ char *url = NULL;

	session->desired_timer = NULL;
	session->desired_asked_ms = loop_monotonic_ms(session->spec.loop);
	url = xasprintf("%s/agent/v1/desired?after=%" JSON_INTEGER_FORMAT "&wait_s=%d", session->url,
			session->generation, session->has_document ? DESIRED_WAIT_S : 0);
	session->desired_call =
		http_call_new(session->spec.client, &(struct http_call_spec){
							    .method = "GET",
							    .url = url,
							    .deadline_ms = DESIRED_DEADLINE_MS,
							    /* A node that could not read it would do nothing more. */
							    .response_max_bytes = HTTP_RESPONSE_MAX_BYTES,
							    .done = desired_answered,
							    .data = session,
						    });
}

/* ---- report ---- */

/* Sends at the latest in this time; what is due sooner stays. */
static void send_report_in(struct session *session, int64_t delay_ms)
{
	int64_t due_ms = loop_monotonic_ms(session->spec.loop) + delay_ms;

	if (session->report_call || (session->report_timer && session->report_due_ms <= due_ms))
		return;
	loop_timer_free(session->report_timer);
	session->report_due_ms = due_ms;
	session->report_timer = loop_timer_new(session->spec.loop, delay_ms, send_report, session);
}

static void report_answered(const struct http_response *response, const struct err *err, void *data)
{
	struct session *session = data;

	session->report_call = NULL;
	if (response->status < 200 || response->status > 299) {
		session->reports_since_whole = WHOLE_REPORT_EVERY;
		if (!call_failed(session, response, err, "reporting"))
			send_report_in(session, backoff_next_ms(&session->report_backoff));
		return;
	}
	call_succeeded(session);
	backoff_reset(&session->report_backoff);
	converge_acknowledged(session->spec.converge);
	send_report_in(session, session->report_changed ? REPORT_COALESCE_MS : HEARTBEAT_MS);
}

static void send_report(void *data)
{
	struct session *session = data;
	_cleanup_free_ char *url = xasprintf("%s/agent/v1/report", session->url);
	bool whole = session->reports_since_whole >= WHOLE_REPORT_EVERY;
	json_t *report = json_pack("{s:s}", "boot_id", session->boot_id);

	session->report_timer = NULL;
	session->report_changed = false;
	session->reports_since_whole = whole ? 0 : session->reports_since_whole + 1;
	converge_collect(session->spec.converge, whole, report);
	session->report_call = http_call_new(session->spec.client, &(struct http_call_spec){
									   .method = "POST",
									   .url = url,
									   .json = report,
									   .deadline_ms = REPORT_DEADLINE_MS,
									   .done = report_answered,
									   .data = session,
								   });
	json_decref(report);
}

void session_report_changed(struct session *session)
{
	session->report_changed = true;
	/* While the other side does not answer, the pause between two tries stands. */
	if (session->report_backoff.tries == 0)
		send_report_in(session, REPORT_COALESCE_MS);
}

struct session *session_new(const struct session_spec *spec)
{
	struct session *session = new0(struct session, 1);

	session->spec = *spec;
	session->url = xstrdup(spec->url);
	session->boot_id = xstrdup(spec->boot_id);
	session->desired_backoff = (struct backoff){ .first_ms = BACKOFF_FIRST_MS, .max_ms = BACKOFF_MAX_MS };
	session->report_backoff = session->desired_backoff;
	/* A new session may be with a provisioner that has never heard of us. */
	session->reports_since_whole = WHOLE_REPORT_EVERY;
	ask_desired_in(session, 0);
	send_report_in(session, 0);
	return session;
}

struct session *session_free(struct session *session)
{
	if (!session)
		return NULL;
	http_call_free(session->desired_call);
	http_call_free(session->report_call);
	loop_timer_free(session->desired_timer);
	loop_timer_free(session->report_timer);
	free(session->url);
	free(session->boot_id);
	free(session);
	return NULL;
}
