/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A provisioner's face for the tests of the command line: a real HTTPS server of lib/http in this process, with a
 * handful of resources, and the real program as a child. What the provisioner itself does is tested with the
 * provisioner. */
#ifndef INGOT_TESTS_CLI_WORLD_H
#define INGOT_TESTS_CLI_WORLD_H

#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/cmd.h"
#include "crypto/crypto.h"
#include "http/http_server.h"
#include "http/websocket.h"
#include "proto/operations.h"

#define TOKEN "ingot_good-token"
#define CHILD_MS 60000

struct world {
	struct loop *loop;
	struct http_server *server;
	char *dir, *program;
	char *url, *ca_path;
	/* what was seen */
	char *method, *path; /* of the last request that changes something */
	json_t *body;
	uint64_t upload_bytes;
	uint64_t content_offset, content_size; /* as the server says */
	unsigned content_busy;		       /* so often it is busy first */
	unsigned requests, posts, looks;       /* looks: at a task */
	char *last_event_id;
	bool events_fall_silent; /* the first stream is not closed, but no heartbeat comes any more */
	struct strbuf console;
	/* what to do */
	void (*on_look)(struct world *w);
	unsigned unavailable; /* so many requests for tasks are answered 503 */
	bool console_closes;
	struct ws *ws;
	pid_t child;
};

/* ---- answers ---- */

static inline void answer(struct http_request *request, int status, json_t *json)
{
	http_answer_json(request, status, json, NULL);
}

static inline void problem(struct http_request *request, enum err_code code, const char *field, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (field)
		err_set_field(&err, code, field, "%s", text);
	else
		err_set(&err, code, "%s", text);
	http_answer_problem(request, &err);
}

static inline bool admit(struct http_request *request, void *data)
{
	struct world *w = data;
	w->requests++;
	if (str_equal(http_request_bearer(request), TOKEN))
		return true;
	problem(request, ERR_UNAUTHENTICATED, NULL, "the token is not known");
	return false;
}

static inline void note(struct world *w, struct http_request *request)
{
	str_set(&w->method, http_request_method(request));
	str_set(&w->path, http_request_path(request));
	json_decref(w->body);
	w->body = NULL;
	http_request_json(request, &w->body, NULL);
	w->posts++;
}

static inline json_t *task_json(const char *id, const char *state, int progress, const char *error)
{
	json_t *steps = json_pack("[{s:s}]", "name", "check");
	if (progress > 0)
		json_array_append_new(steps, json_pack("{s:s}", "name", "write"));
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:o}", "id", id, "action", "vm.start", "resource_name", "web",
			  "state", state, "progress", progress, "message", "at work\x1b[31m", "steps", steps);
	if (error)
		json_object_set_new(json, "error",
				    json_pack("{s:s, s:s}", "code", error, "text", "the pool has 1 GiB left"));
	return json;
}

static inline void on_task(struct http_request *request, void *data)
{
	struct world *w = data;
	const char *id = http_request_param(request, "id");
	unsigned look = ++w->looks;
	if (w->on_look)
		w->on_look(w);
	if (w->unavailable && look > 1) {
		w->unavailable--;
		problem(request, ERR_BUSY, NULL, "it restarts");
	} else if (str_equal(id, "t-ok")) {
		answer(request, 200, task_json(id, look < 3 ? "running" : "succeeded", look < 2 ? 0 : 50, NULL));
	} else if (str_equal(id, "t-bad")) {
		answer(request, 200, task_json(id, look < 3 ? "running" : "failed", 0, look < 3 ? NULL : "capacity"));
	} else if (str_equal(id, "t-cancelled")) {
		answer(request, 200, task_json(id, "cancelled", 0, NULL));
	} else if (str_equal(id, "t-slow")) {
		answer(request, 200, task_json(id, "running", 10, NULL));
	} else {
		problem(request, ERR_NOT_FOUND, NULL, "there is no such task");
	}
}

static inline json_t *vm_json(const char *name, const char *state, const char *task)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:I, s:s, s:s?, s:n}", "id", "1", "name", name, "state", state, "cpus",
			 2, "memory_bytes", (json_int_t)(128 * MIB), "volume_name", "root", "task", task, "node_name");
}

static inline void on_vm_list(struct http_request *request, void *data)
{
	const char *cursor = http_request_query(request, "cursor");
	json_t *items = json_pack("[o]", vm_json(cursor ? "second" : "first", "running", NULL));
	answer(request, 200, json_pack("{s:o, s:s?}", "items", items, "next", cursor ? NULL : "c 1&x"));
}

static inline void on_vm_show(struct http_request *request, void *data)
{
	const char *id = http_request_param(request, "id");
	if (str_equal(id, "none"))
		problem(request, ERR_NOT_FOUND, NULL, "there is no vm 'none\x1b[2J'");
	else
		answer(request, 200, vm_json(str_equal(id, "1") ? "web" : id, "running", NULL));
}

static inline void on_vm_create(struct http_request *request, void *data)
{
	struct world *w = data;
	_cleanup_err_ struct err err = ERR_INIT;
	struct vm vm = { 0 };
	note(w, request);
	if (schema_decode(&vm_schema, SCHEMA_CREATE, w->body, &vm, &err) < 0)
		http_answer_problem(request, &err);
	else if (str_equal(vm.name, "taken"))
		problem(request, ERR_EXISTS, "name", "there is a vm 'taken'");
	else
		answer(request, 202, vm_json(vm.name, "starting", str_equal(vm.name, "bad") ? "t-bad" : "t-ok"));
	schema_done(&vm_schema, &vm);
}

/* Any action on a vm gives the task "t-" and its name. */
static inline void on_vm_act(struct http_request *request, void *data)
{
	const char *id = http_request_param(request, "id");
	_cleanup_free_ char *task = xasprintf("t-%s", id);
	note(data, request);
	if (str_equal(id, "none"))
		problem(request, ERR_NOT_FOUND, NULL, "there is no vm 'none'");
	else
		answer(request, 202, task_json(task, "running", 0, NULL));
}

static inline void on_machine_list(struct http_request *request, void *data)
{
	answer(request, 200,
	       json_pack("{s:[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}], s:n}", "items", "id", "1", "name", "m1",
			 "state", "new", "id", "2", "name", "m2", "state", "ready", "id", "3", "name", "m3", "state",
			 "new", "next"));
}

static inline void on_machine_accept(struct http_request *request, void *data)
{
	const char *id = http_request_param(request, "id");
	_cleanup_free_ char *name = xasprintf("m%s", id);
	note(data, request);
	answer(request, 200,
	       json_pack("{s:s, s:s, s:s, s:n}", "id", id, "name", name, "state", "commissioning", "task"));
}

static inline void on_machine_delete(struct http_request *request, void *data)
{
	note(data, request);
	if (str_equal(http_request_param(request, "id"), "1"))
		answer(request, 204, NULL);
	else
		problem(request, ERR_STATE, NULL, "m3 is ready; only a machine that is new or has failed is deleted");
}

static inline void on_image_create(struct http_request *request, void *data)
{
	struct world *w = data;
	note(w, request);
	const char *name = json_string_value(json_object_get(w->body, "name"));
	if (str_equal(name, "half") || str_equal(name, "other") || str_equal(name, "taken"))
		problem(request, ERR_EXISTS, "name", "there is an image of this name");
	else
		answer(request, 201, json_pack("{s:s, s:s, s:s}", "id", "i1", "name", name, "state", "uploading"));
}

static inline void on_image_show(struct http_request *request, void *data)
{
	const char *id = http_request_param(request, "id");
	bool uploading = str_equal(id, "half") || str_equal(id, "other");
	answer(request, 200,
	       json_pack("{s:s, s:s, s:s, s:I, s:s?}", "id", "i1", "name", str_equal(id, "i1") ? "deb" : id, "state",
			 uploading ? "uploading" : "available", "size_bytes", (json_int_t)MIB, "sha256",
			 str_equal(id, "other") ? "00ff" : NULL));
}

static inline void on_image_upload(struct http_request *request, void *data)
{
	struct world *w = data;
	size_t len;
	_cleanup_free_ char *content = NULL;
	if (read_file(http_request_body_file(request), 16 * MIB, &content, &len) == 0)
		w->upload_bytes = len;
	answer(request, 202, task_json("t-ok", "running", 0, NULL));
}

static inline void on_image_content(struct http_request *request, void *data)
{
	const struct world *w = data;
	answer(request, 200,
	       json_pack("{s:I, s:I}", "offset_bytes", (json_int_t)w->content_offset, "size_bytes",
			 (json_int_t)w->content_size));
}

static inline void on_image_append(struct http_request *request, void *data)
{
	struct world *w = data;
	_cleanup_free_ char *wanted = xasprintf("%llu", (unsigned long long)w->content_offset);
	if (!str_equal(http_request_header(request, "Upload-Offset"), wanted) ||
	    !str_equal(http_request_header(request, "Content-Type"), "application/offset+octet-stream"))
		problem(request, ERR_STATE, "Upload-Offset", "not there");
	else if (w->content_busy && w->content_busy--)
		problem(request, ERR_BUSY, NULL, "somebody else is sending it");
	else
		on_image_upload(request, data);
}

static inline void on_ticket(struct http_request *request, void *data)
{
	struct world *w = data;
	note(w, request);
	answer(request, 201,
	       json_pack("{s:s, s:s, s:s}", "ticket", "t1", "url", "/v1/consoles/t1", "expires_at",
			 "2026-01-31T00:00:00Z"));
}

static inline void on_version(struct http_request *request, void *data)
{
	answer(request, 200, json_pack("{s:s}", "version", "9.9.9"));
}

/* Each connection brings one event; the first is closed then, or has no more to say. */
static inline void on_events(struct http_request *request, void *data)
{
	struct world *w = data;
	if (!str_equal(http_request_header(request, "Accept"), "text/event-stream")) {
		answer(request, 200, json_pack("{s:[], s:n}", "items", "next"));
		return;
	}
	str_set(&w->last_event_id, http_request_header(request, "Last-Event-ID"));
	const char *id = w->last_event_id ? "2" : "1";
	struct http_stream *stream = http_answer_events(request, NULL, NULL);
	json_t *event = json_pack("{s:s, s:s, s:s, s:s}", "id", id, "kind", "vm.started", "time",
				  "2026-01-31T00:00:00Z", "text", w->last_event_id ? "second" : "first\x1b[31m");
	_cleanup_free_ char *text = json_dumps(event, JSON_COMPACT);
	http_stream_event(stream, id, "event", text);
	json_decref(event);
	if (!w->last_event_id && w->events_fall_silent)
		http_stream_event(stream, NULL, "heartbeat", "{\"every_ms\":50}");
	else if (!w->last_event_id)
		http_stream_close(stream);
}

static inline void on_console_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct world *w = data;
	strbuf_add(&w->console, payload, len);
	ws_send(ws, payload, len);
	if (w->console_closes) {
		ws_close(ws, "the guest is off");
		w->ws = NULL;
	}
}

static inline void on_console_closed(struct ws *ws, const char *reason, void *data)
{
	((struct world *)data)->ws = NULL;
}

static inline void on_console(struct http_request *request, void *data)
{
	static const struct ws_events events = { .message = on_console_message, .closed = on_console_closed };
	struct world *w = data;
	if (str_equal(http_request_param(request, "id"), "none")) {
		problem(request, ERR_NOT_FOUND, NULL, "there is no vm 'none'");
		return;
	}
	if (http_answer_websocket(request, &w->ws) < 0)
		return;
	ws_set_events(w->ws, &events, w);
	ws_send(w->ws, "login: ", 7);
}

static const struct http_route world_routes[] = {
	{ "GET", "/v1/tasks/{id}", 0, on_task, NULL, false },
	{ "GET", "/v1/vms", 0, on_vm_list, NULL, false },
	{ "POST", "/v1/vms", 65536, on_vm_create, NULL, false },
	{ "GET", "/v1/vms/{id}", 0, on_vm_show, NULL, false },
	{ "DELETE", "/v1/vms/{id}", 0, on_vm_act, NULL, false },
	{ "POST", "/v1/vms/{id}/start", 65536, on_vm_act, NULL, false },
	{ "POST", "/v1/vms/{id}/migrate", 65536, on_vm_act, NULL, false },
	{ "GET", "/v1/vms/{id}/console", 0, on_console, NULL, false },
	{ "POST", "/v1/vms/{id}/console-ticket", 65536, on_ticket, NULL, false },
	{ "GET", "/v1/consoles/{id}", 0, on_console, NULL, false },
	{ "GET", "/v1/machines", 0, on_machine_list, NULL, false },
	{ "POST", "/v1/machines/{id}/accept", 65536, on_machine_accept, NULL, false },
	{ "DELETE", "/v1/machines/{id}", 0, on_machine_delete, NULL, false },
	{ "POST", "/v1/images", 65536, on_image_create, NULL, false },
	{ "GET", "/v1/images/{id}", 0, on_image_show, NULL, false },
	{ "PUT", "/v1/images/{id}/content", 16 * MIB, on_image_upload, NULL, true },
	{ "GET", "/v1/images/{id}/content", 0, on_image_content, NULL, false },
	{ "PATCH", "/v1/images/{id}/content", 16 * MIB, on_image_append, NULL, true },
	{ "GET", "/v1/events", 0, on_events, NULL, false },
	{ "GET", "/v1/version", 0, on_version, NULL, false },
	{ .method = NULL },
};

/* ---- life ---- */

static inline char *world_path(const struct world *w, const char *name)
{
	return xasprintf("%s/%s", w->dir, name);
}

static inline void write_text(const char *path, const void *text, size_t len)
{
	assert_int_equal(write_file_atomic(path, text, len, 0600), 0);
}

/* A program stands one folder above its tests. */
static inline char *find_program(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	assert_true(len > 0);
	path[len] = '\0';
	return xasprintf("%s/../ingot", dirname(path));
}

static inline int world_setup(void **state)
{
	static const char *const names[] = { "127.0.0.1", "localhost", NULL };
	char dir[] = "/tmp/ingot-cli-XXXXXX";
	struct world *w = new0(struct world, 1);
	struct ca *ca = NULL;
	_cleanup_free_ char *cert = NULL, *key = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	w->loop = loop_new(1);
	w->dir = xstrdup(mkdtemp(dir));
	w->program = find_program();
	w->ca_path = world_path(w, "ca.pem");
	if (ca_open(w->dir, &ca, &err) < 0 || ca_issue_server(ca, "test", names, &cert, &key, &err) < 0)
		fail_msg("%s", err.text);
	const struct http_server_spec spec = { .loop = w->loop,
					       .routes = world_routes,
					       .route_count = ARRAY_SIZE(world_routes) - 1,
					       .data = w,
					       .admit = admit,
					       .address = "127.0.0.1",
					       .listen_fd = -1,
					       .cert_pem = cert,
					       .key_pem = key,
					       .body_dir = w->dir };
	if (http_server_new(&spec, &w->server, &err) < 0)
		fail_msg("%s", err.text);
	w->url = xasprintf("https://127.0.0.1:%u", http_server_port(w->server));
	ca_free(ca);
	*state = w;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;
	http_server_free(w->server);
	loop_free(w->loop);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	json_decref(w->body);
	strbuf_done(&w->console);
	free(w->method);
	free(w->path);
	free(w->last_event_id);
	free(w->dir);
	free(w->program);
	free(w->url);
	free(w->ca_path);
	free(w);
	return 0;
}

/* ---- the program as a child ---- */

#define ARGS_MAX 24
struct child {
	struct world *world;
	const char *argv[ARGS_MAX];
	const char *envp[8];
	char *env[8];
	const char *input;
	struct cmd_result result;
	int code;
};

static inline void child_done(struct child *child)
{
	cmd_result_done(&child->result);
	for (size_t i = 0; i < ARRAY_SIZE(child->env); i++)
		free(child->env[i]);
	memset(child->env, 0, sizeof(child->env));
}
#define _cleanup_child_ _cleanup_(child_done)

static inline void child_env(struct child *child, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(child->env) - 1; i++) {
		size_t len = strlen(name);
		bool same = child->env[i] && strncmp(child->env[i], name, len) == 0 && child->env[i][len] == '=';
		if (child->env[i] && !same)
			continue;
		free(child->env[i]);
		child->env[i] = xasprintf("%s=%s", name, str_or(value, ""));
		child->envp[i] = child->env[i];
		return;
	}
}

static inline struct child child_of(struct world *w)
{
	struct child child = { .world = w };
	child_env(&child, "INGOT_URL", w->url);
	child_env(&child, "INGOT_TOKEN", TOKEN);
	child_env(&child, "INGOT_CACERT", w->ca_path);
	child_env(&child, "TZ", "UTC");
	child_env(&child, "ASAN_OPTIONS", str_or(getenv("ASAN_OPTIONS"), ""));
	return child;
}

static inline void child_arguments(struct child *child, const char *line, char *buffer, size_t size)
{
	size_t n = 0;
	child->argv[n++] = child->world->program;
	snprintf(buffer, size, "%s", line);
	for (char *rest = buffer, *word; (word = strsep(&rest, " ")) && n < ARGS_MAX - 1;)
		if (word[0])
			child->argv[n++] = word;
	child->argv[n] = NULL;
}

static inline void child_work(void *data)
{
	struct child *child = data;
	const struct cmd cmd = { .argv = child->argv,
				 .envp = child->envp,
				 .input = child->input,
				 .input_len = child->input ? strlen(child->input) : 0,
				 .deadline_ms = CHILD_MS };
	cmd_run(&cmd, &child->result, NULL);
}

static inline void child_quit(void *data)
{
	struct child *child = data;
	loop_quit(child->world->loop, 0);
}

/* Runs the program while the server serves; what it said is in child->result: out is standard output. */
static inline void child_run(struct child *child, const char *line)
{
	char buffer[1024];
	struct world *w = child->world;
	cmd_result_done(&child->result);
	child->result = (struct cmd_result){ 0 };
	child_arguments(child, line, buffer, sizeof(buffer));
	w->looks = w->posts = w->requests = 0;
	assert_int_equal(loop_work(w->loop, NULL, child_work, child_quit, child), 0);
	loop_run(w->loop);
	child->code = WIFEXITED(child->result.status) ? WEXITSTATUS(child->result.status) : -1;
}

static inline void assert_code(const struct child *child, int code)
{
	if (child->code != code)
		fail_msg("exit code %d instead of %d:\n%s", child->code, code, str_or(child->result.output, ""));
}

static inline void assert_said(const struct child *child, const char *words)
{
	if (!child->result.output || !strstr(child->result.output, words))
		fail_msg("'%s' is not in:\n%s", words, str_or(child->result.output, ""));
}

static inline void assert_not_said(const struct child *child, const char *words)
{
	if (child->result.output && strstr(child->result.output, words))
		fail_msg("'%s' is in:\n%s", words, child->result.output);
}

#endif
