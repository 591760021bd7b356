/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cli/visible.h"

#define FILE_MAX MIB
#define CALL_DEADLINE_MS 30000
#define KEYED_TRIES 3
#define KEYED_AGAIN_MS 1000

/* ---- life ---- */

static void on_interrupt(void *data)
{
	struct session *session = data;
	session->signal = SIGINT;
	loop_quit(session->loop, 0);
}

static void on_terminate(void *data)
{
	struct session *session = data;
	session->signal = SIGTERM;
	loop_quit(session->loop, 0);
}

struct session *session_new(const struct invocation *invocation)
{
	struct session *session = new0(struct session, 1);
	session->loop = loop_new(0);
	session->json = invocation->json;
	if (invocation->timeout_ms)
		session->deadline_at_ms = loop_monotonic_ms(session->loop) + invocation->timeout_ms;
	session->interrupt = loop_signal_new(session->loop, SIGINT, on_interrupt, session);
	session->terminate = loop_signal_new(session->loop, SIGTERM, on_terminate, session);
	return session;
}

struct session *session_free(struct session *session)
{
	if (!session)
		return NULL;
	http_client_free(session->client);
	loop_signal_free(session->interrupt);
	loop_signal_free(session->terminate);
	loop_free(session->loop);
	free(session->url);
	free(session);
	return NULL;
}

/* ---- where and who ---- */

static int read_text(const char *path, const char *what, char **ret, struct err *err)
{
	size_t len;
	char *text;
	int r = read_file(path, FILE_MAX, &text, &len);
	if (r < 0)
		return err_set(err, ERR_INVALID, "%s %s: %s", what, path, strerrordesc_np(-r));
	if (strlen(text) != len) {
		wipe(text, len);
		free(text);
		return err_set(err, ERR_INVALID, "%s %s: is not text", what, path);
	}
	*ret = text;
	return 0;
}

static int find_token(const struct invocation *in, char **ret, struct err *err)
{
	const char *file = in->given[OPTION_TOKEN_FILE], *token = getenv("INGOT_TOKEN");
	char *text = NULL;
	if (!file && token && token[0]) {
		text = xstrdup(token);
	} else {
		if (!file)
			file = getenv("INGOT_TOKEN_FILE");
		if (!file || !file[0])
			return err_set(err, ERR_INVALID,
				       "there is no token: put it in INGOT_TOKEN, or in a file named by --token-file");
		int r = read_text(file, "token file", &text, err);
		if (r < 0)
			return r;
	}
	size_t len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	/* RFC 6750 section 2.1; a line break would begin another header. */
	bool ok = len > 0;
	for (size_t i = 0; i < len; i++)
		ok = ok && text[i] > ' ' && text[i] <= '~';
	if (!ok) {
		wipe(text, len);
		free(text);
		return err_set(err, ERR_INVALID, "the token is empty or has characters that no token has");
	}
	*ret = text;
	return 0;
}

static int find_url(const struct invocation *in, char **ret, struct err *err)
{
	const char *url = in->given[OPTION_URL] ? in->given[OPTION_URL] : getenv("INGOT_URL");
	if (!url || !url[0])
		return err_set(
			err, ERR_INVALID,
			"the address of the provisioner is not known: put it in INGOT_URL or give --url https://...");
	/* Plain HTTP would show the token to whoever listens. */
	if (!str_starts(url, "https://") || !url[strlen("https://")] || strpbrk(url, " ?#@"))
		return err_set(err, ERR_INVALID, "'%s' is not an address such as https://provisioner.example:8443",
			       url);
	size_t len = strlen(url);
	while (url[len - 1] == '/')
		len--;
	*ret = xstrndup(url, len);
	return 0;
}

int session_connect(struct session *session, const struct invocation *in, struct err *err)
{
	_cleanup_free_ char *token = NULL, *ca = NULL;
	const char *ca_file = in->given[OPTION_CACERT] ? in->given[OPTION_CACERT] : getenv("INGOT_CACERT");
	int r = find_url(in, &session->url, err);
	if (r == 0)
		r = find_token(in, &token, err);
	if (r == 0 && ca_file && ca_file[0])
		r = read_text(ca_file, "certificate of the authority (INGOT_CACERT, --cacert)", &ca, err);
	if (r == 0 && ca && !strstr(ca, "-----BEGIN CERTIFICATE-----"))
		r = err_set(err, ERR_INVALID, "%s holds no certificate (PEM)", ca_file);
	if (r == 0) {
		const struct http_client_spec spec = { .loop = session->loop, .ca_pem = ca, .bearer = token };
		session->client = http_client_new(&spec);
	}
	if (token)
		wipe(token, strlen(token));
	return r;
}

/* ---- calls ---- */

static int64_t remaining_ms(const struct session *session)
{
	int64_t now = loop_monotonic_ms(session->loop);
	return session->deadline_at_ms > now ? session->deadline_at_ms - now : 0;
}

static void on_time_over(void *data)
{
	bool *over = ((void **)data)[0];
	struct session *session = ((void **)data)[1];
	*over = true;
	loop_quit(session->loop, 0);
}

static int signal_error(const struct session *session, struct err *err)
{
	return err_set(err, ERR_CANCELLED, "%s", session->signal == SIGINT ? "interrupted" : "ended by SIGTERM");
}

int session_run(struct session *session, struct err *err)
{
	struct loop_timer *timer = NULL;
	bool over = false;
	void *data[] = { &over, session };
	if (session->signal)
		return signal_error(session, err);
	if (session->deadline_at_ms)
		timer = loop_timer_new(session->loop, remaining_ms(session), on_time_over, data);
	loop_run(session->loop);
	if (timer && !over)
		loop_timer_free(timer);
	if (session->signal)
		return signal_error(session, err);
	if (over)
		return err_set(err, ERR_TIMEOUT, "the time of --timeout is over");
	return 0;
}

struct pending {
	struct session *session;
	const struct call *call;
	struct reply *reply;
	struct err err;
	bool done;
};

static void on_done(const struct http_response *response, const struct err *err, void *data)
{
	struct pending *pending = data;
	pending->done = true;
	pending->reply->status = response->status;
	pending->reply->json = json_incref(response->json);
	if (err && err->code != ERR_NONE)
		err_copy(&pending->err, err);
	loop_quit(pending->session->loop, 0);
}

static void on_upload_progress(uint64_t done_bytes, uint64_t total_bytes, void *data)
{
	struct pending *pending = data;
	pending->call->upload_progress(done_bytes, total_bytes, pending->call->data);
}

int session_call(struct session *session, const struct call *call, struct reply *ret, struct err *err)
{
	_cleanup_free_ char *url = xasprintf("%s%s", session->url, call->path);
	struct pending pending = { .session = session, .call = call, .reply = ret };
	int64_t deadline_ms = call->deadline_ms ? call->deadline_ms : CALL_DEADLINE_MS;
	*ret = (struct reply){ 0 };
	if (session->deadline_at_ms)
		deadline_ms = MAX_OF(1, MIN_OF(deadline_ms, remaining_ms(session)));
	const struct http_call_spec spec = {
		.method = call->method,
		.url = url,
		.json = call->body,
		.body_file = call->body_file,
		.body_offset_bytes = call->body_offset_bytes,
		.body_type = call->body_type,
		.headers = call->headers,
		.deadline_ms = deadline_ms,
		.upload_progress = call->upload_progress ? on_upload_progress : NULL,
		.done = on_done,
		.data = &pending,
	};
	struct http_call *handle = http_call_new(session->client, &spec);
	int r = session_run(session, err);
	if (!pending.done) {
		http_call_free(handle);
		return r;
	}
	if (pending.err.code == ERR_NONE)
		return 0;
	r = err_set(err, pending.err.code, "%s", str_or(pending.err.text, ""));
	if (err)
		err_move(err, &pending.err); /* with the field */
	err_done(&pending.err);
	return r;
}

void reply_done(struct reply *reply)
{
	json_decref(reply->json);
	*reply = (struct reply){ 0 };
}

char *url_encode(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	struct strbuf sb = { 0 };
	for (; *text; text++) {
		if (strchr(plain, *text))
			strbuf_add(&sb, text, 1);
		else
			strbuf_addf(&sb, "%%%02X", (unsigned char)*text);
	}
	return strbuf_take(&sb);
}

char *operation_path(const struct operation *operation, const char *id)
{
	static const char hole[] = "{id}";
	const char *at = strstr(operation->path, hole);
	if (!at)
		return xstrdup(operation->path);
	_cleanup_free_ char *encoded = url_encode(str_or(id, ""));
	return xasprintf("%.*s%s%s", (int)(at - operation->path), operation->path, encoded, at + strlen(hole));
}

const struct operation *operation_show_of(const struct schema *schema)
{
	for (size_t i = 0; schema && i < OPERATION_COUNT; i++)
		if (operations[i].kind == OPERATION_SHOW && operations[i].response == schema)
			return &operations[i];
	return NULL;
}

static void on_pause_over(void *data)
{
	loop_quit(data, 0);
}

static int pause_ms(struct session *session, int64_t ms, struct err *err)
{
	struct loop_timer *timer = loop_timer_new(session->loop, ms, on_pause_over, session->loop);
	int r = session_run(session, err);
	if (r < 0)
		loop_timer_free(timer);
	return r;
}

/* Nobody knows whether it was done. */
static bool was_not_answered(const struct reply *reply, const struct err *err)
{
	return err->code == ERR_UNREACHABLE ? reply->status == 0 : err->code == ERR_BUSY;
}

static int call_once(struct session *session, const struct call *plain, struct reply *ret, struct err *err)
{
	_cleanup_free_ char *key = uuid_new();
	_cleanup_free_ char *header = xasprintf("Idempotency-Key: %s", key);
	const char *const headers[] = { header, NULL };
	struct call call = *plain;
	call.headers = headers;
	for (unsigned tries = 1;; tries++) {
		_cleanup_err_ struct err why = ERR_INIT;
		int r = session_call(session, &call, ret, &why);
		if (r == 0)
			return 0;
		if (tries == KEYED_TRIES || !was_not_answered(ret, &why) ||
		    pause_ms(session, KEYED_AGAIN_MS, NULL) < 0) {
			if (err)
				err_move(err, &why);
			return r;
		}
		reply_done(ret);
	}
}

int session_operation(struct session *session, const struct operation *operation, const char *id, json_t *body,
		      struct reply *ret, struct err *err)
{
	_cleanup_free_ char *path = operation_path(operation, id);
	const struct call call = { .method = operation->method, .path = path, .body = body };
	if (operation_takes_key(operation))
		return call_once(session, &call, ret, err);
	return session_call(session, &call, ret, err);
}

/* ---- what went wrong ---- */

static const struct {
	enum err_code code;
	const char *text;
} remedies[] = {
	{ ERR_UNAUTHENTICATED, "check the token in INGOT_TOKEN or --token-file" },
	{ ERR_FORBIDDEN, "the role of the token does not allow this" },
	{ ERR_REVISION, "look at it again, then repeat" },
	{ ERR_UNSUPPORTED, "the provisioner may be older than this program: see 'ingot version'" },
};

/* A sentence on what may help, or NULL. The caller frees. */
static char *remedy_of(const struct session *session, const struct reply *reply, const struct err *err)
{
	if (err->code == ERR_CANCELLED && session->signal)
		return NULL;
	if (reply && reply->status == 0 && session->client && err->code != ERR_TIMEOUT)
		return xasprintf(
			"check that the provisioner answers at %s (INGOT_URL) and that INGOT_CACERT is its authority",
			session->url);
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (remedies[i].code == err->code)
			return xstrdup(remedies[i].text);
	return err_meaning(err->code)->retry ? xstrdup("trying again later may help") : NULL;
}

/* The option that sets a field, " (--memory)"; "" if there is none. */
static char *option_of_field(const struct command *command, const char *field)
{
	struct option_info option;
	for (size_t i = 0; command && command_option(command, i, &option); i++)
		if (option.field && str_equal(option.field->name, field))
			return xasprintf(" (--%s)", option.name);
	return xstrdup("");
}

int session_fail(const struct session *session, const struct command *command, const char *about,
		 const struct reply *reply, const struct err *err)
{
	const struct err_meaning *meaning = err_meaning(err->code);
	_cleanup_free_ char *remedy = remedy_of(session, reply, err);
	_cleanup_free_ char *detail = utf8_visible(str_or(err->text, ""));
	_cleanup_free_ char *who = utf8_visible(str_or(about, ""));
	_cleanup_strbuf_ struct strbuf text = { 0 }; /* written at once: others write to the same terminal */
	strbuf_addf(&text, "ingot: %s%s%s%s%s\n", who, about ? ": " : "", meaning->title, detail[0] ? ": " : "",
		    detail);
	if (err->field) {
		_cleanup_free_ char *option = option_of_field(command, err->field);
		_cleanup_free_ char *field = utf8_visible(err->field);
		strbuf_addf(&text, "ingot:   field: %s%s\n", field, option);
	}
	if (remedy)
		strbuf_addf(&text, "ingot:   %s\n", remedy);
	fflush(stdout);
	fputs(text.data, stderr);
	if (session->signal)
		return 128 + session->signal;
	return meaning->exit_code;
}
