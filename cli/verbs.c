/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/verbs.h"

#include <stdio.h>

#include "cli/event_source.h"
#include "cli/follow.h"
#include "cli/help.h"
#include "cli/print.h"
#include "cli/visible.h"

#define PAGE 1000 /* the most there is */

/* ---- list, show ---- */

/* The path of a page. query: "&state=ready", or NULL. The caller frees. */
static char *page_path(const struct operation *operation, const char *query, const char *after)
{
	_cleanup_free_ char *encoded = after ? url_encode(after) : NULL;
	if (operation->kind != OPERATION_LIST)
		return xasprintf("%s%s%s", operation->path, after ? "?after=" : "", str_or(encoded, ""));
	return xasprintf("%s?limit=%d%s%s%s", operation->path, PAGE, str_or(query, ""), after ? "&cursor=" : "",
			 str_or(encoded, ""));
}

/* Adds all pages to items. */
static int fetch_list(struct session *session, const struct operation *operation, const char *query, json_t *items,
		      struct reply *reply, struct err *err)
{
	_cleanup_free_ char *after = NULL;
	for (;;) {
		_cleanup_free_ char *path = page_path(operation, query, after);
		const struct call call = { .method = operation->method, .path = path };
		reply_done(reply);
		int r = session_call(session, &call, reply, err);
		if (r < 0)
			return r;
		const json_t *page = json_object_get(reply->json, "items");
		if (!json_is_array(page))
			return err_set(err, ERR_INTERNAL, "the answer is no list");
		json_array_extend(items, (json_t *)page);
		const char *next = json_string_value(json_object_get(reply->json, "next"));
		if (!next)
			return 0;
		if (str_equal(next, after))
			return err_set(err, ERR_INTERNAL, "the pages of the list do not end");
		str_set(&after, next);
	}
}

int verb_list(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	const struct operation *operation = command_operation(in->command);
	json_t *items = json_array();
	int code = 0;
	if (fetch_list(session, operation, in->query, items, &reply, &err) < 0) {
		code = session_fail(session, in->command, NULL, &reply, &err);
	} else if (session->json) {
		json_object_set(reply.json, "items", items); /* the last page's envelope around all of them */
		print_json(session, reply.json);
	} else {
		print_table(session, operation->response, items);
	}
	json_decref(items);
	return code;
}

int verb_show(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	const struct operation *operation = command_operation(in->command);
	if (session_operation(session, operation, in->targets[0], NULL, &reply, &err) < 0)
		return session_fail(session, in->command, NULL, &reply, &err);
	print_page(session, operation->response, reply.json);
	return 0;
}

/* ---- what changes something ---- */

/* One target and what became of it. */
struct act {
	const char *target;
	json_t *result;
	char *task; /* what it started, or NULL */
};

static const char *task_of(const struct operation *operation, const json_t *result)
{
	const char *key = operation->kind == OPERATION_TASK ? "id" : "task";
	return json_string_value(json_object_get(result, key));
}

/* Calls for each target; what fails is printed and left out. Gives the first exit code that is not 0. */
static int act_all(struct session *session, const struct invocation *in, struct act *acts, size_t count)
{
	const struct operation *operation = command_operation(in->command);
	int first = 0;
	for (size_t i = 0; i < count && !session->signal; i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_reply_ struct reply reply = { 0 };
		if (session_operation(session, operation, acts[i].target, in->body, &reply, &err) < 0) {
			int code = session_fail(session, in->command, count > 1 ? acts[i].target : NULL, &reply, &err);
			first = first ? first : code;
			continue;
		}
		acts[i].task = xstrdup(task_of(operation, reply.json));
		acts[i].result = TAKE_PTR(reply.json);
	}
	return first;
}

/* The resource as it is once its task has ended. */
static int refresh(struct session *session, const struct invocation *in, struct act *act)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	const struct operation *show = operation_show_of(command_operation(in->command)->response);
	const char *id = json_string_value(json_object_get(act->result, "id"));
	if (!show || !id)
		return 0;
	if (session_operation(session, show, id, NULL, &reply, &err) < 0)
		return session_fail(session, in->command, act->target, &reply, &err);
	json_decref(act->result);
	act->result = TAKE_PTR(reply.json);
	return 0;
}

static int take_end(struct session *session, const struct invocation *in, struct act *act, struct follow_item *item)
{
	bool is_task = command_operation(in->command)->kind == OPERATION_TASK;
	if (is_task && item->task) {
		json_decref(act->result);
		act->result = json_incref(item->task);
	}
	if (item->err.code == ERR_NONE)
		return is_task ? 0 : refresh(session, in, act);
	const char *name = json_string_value(json_object_get(item->task, "resource_name"));
	if (!is_task) {
		json_decref(act->result); /* what it was to be does not exist, or not in this way */
		act->result = NULL;
	}
	return session_fail(session, in->command, name ? name : act->target, &item->reply, &item->err);
}

static int wait_all(struct session *session, const struct invocation *in, struct act *acts, size_t count)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct follow_item *items = new0(struct follow_item, count);
	size_t *of = new0(size_t, count), waiting = 0;
	int first = 0;
	for (size_t i = 0; i < count; i++) {
		if (!acts[i].task)
			continue;
		of[waiting] = i;
		items[waiting++].id = xstrdup(acts[i].task);
	}
	bool ended = follow_tasks(session, items, waiting, &err) == 0;
	for (size_t i = 0; ended && i < waiting; i++) {
		int code = take_end(session, in, &acts[of[i]], &items[i]);
		first = first ? first : code;
	}
	if (!ended)
		first = session->signal ? 128 + session->signal : err_meaning(err.code)->exit_code;
	follow_items_free(items, waiting);
	free(of);
	return first;
}

static int act_on(struct session *session, const struct invocation *in, const char *const *targets, size_t count)
{
	struct act *acts = new0(struct act, count);
	json_t *results = json_array();
	for (size_t i = 0; i < count; i++)
		acts[i].target = targets[i];
	int first = act_all(session, in, acts, count);
	if (in->given[OPTION_WAIT] && !session->signal) {
		int code = wait_all(session, in, acts, count);
		first = first ? first : code;
	}
	for (size_t i = 0; i < count; i++) {
		if (acts[i].result)
			json_array_append(results, acts[i].result);
		json_decref(acts[i].result);
		free(acts[i].task);
	}
	print_results(session, command_operation(in->command)->response, results);
	json_decref(results);
	free(acts);
	return first;
}

int verb_act(struct session *session, const struct invocation *in)
{
	static const char *const nothing[] = { NULL };
	bool targets = in->command->flags & COMMAND_TARGET;
	return act_on(session, in, targets ? in->targets : nothing, targets ? in->target_count : 1);
}

int verb_on_new(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	if (!in->given[OPTION_ALL])
		return verb_act(session, in);
	json_t *items = json_array();
	if (fetch_list(session, &operations[OP_MACHINE_LIST], NULL, items, &reply, &err) < 0) {
		json_decref(items);
		return session_fail(session, in->command, NULL, &reply, &err);
	}
	const char **ids = new0(const char *, json_array_size(items) + 1);
	size_t count = 0;
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *machine = json_array_get(items, i);
		const char *id = json_string_value(json_object_get(machine, "id"));
		if (id &&
		    str_equal(json_string_value(json_object_get(machine, "state")), machine_state_words[MACHINE_NEW]))
			ids[count++] = id;
	}
	if (count == 0)
		fputs("ingot: no machine is new\n", stderr);
	int code = act_on(session, in, ids, count);
	free(ids);
	json_decref(items);
	return code;
}

/* ---- watching ---- */

int verb_task_watch(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct follow_item *items = new0(struct follow_item, in->target_count);
	json_t *tasks = json_array();
	int first = 0;
	for (size_t i = 0; i < in->target_count; i++)
		items[i].id = xstrdup(in->targets[i]);
	if (follow_tasks(session, items, in->target_count, &err) < 0)
		first = session->signal ? 128 + session->signal : err_meaning(err.code)->exit_code;
	for (size_t i = 0; i < in->target_count; i++) {
		if (items[i].task)
			json_array_append(tasks, items[i].task);
		if (items[i].err.code == ERR_NONE)
			continue;
		int code = session_fail(session, in->command, items[i].id, &items[i].reply, &items[i].err);
		first = first ? first : code;
	}
	print_results(session, &task_schema, tasks);
	json_decref(tasks);
	follow_items_free(items, in->target_count);
	return first;
}

struct event_watch {
	struct session *session;
	const struct command *command;
	int code;
	bool over;
};

static void on_event(const json_t *event, void *data)
{
	struct event_watch *watch = data;
	print_event(watch->session, event);
	if (ferror(stdout))
		loop_quit(watch->session->loop, 0); /* nobody reads any more; main() says so */
}

static void on_lost(const struct err *err, void *data)
{
	_cleanup_free_ char *text = utf8_visible(str_or(err->text, "it was closed"));
	fprintf(stderr, "ingot: the connection was lost (%s); trying again\n", text);
}

static void on_failed(int status, const struct err *err, void *data)
{
	struct event_watch *watch = data;
	const struct reply reply = { .status = status };
	_cleanup_err_ struct err why = ERR_INIT;
	if (err->code == ERR_NONE)
		err_set(&why, ERR_UNREACHABLE, "the stream of events ended");
	watch->code = session_fail(watch->session, watch->command, NULL, &reply, err->code == ERR_NONE ? &why : err);
	loop_quit(watch->session->loop, 0);
}

static void on_duration(void *data)
{
	struct event_watch *watch = data;
	watch->over = true;
	loop_quit(watch->session->loop, 0);
}

int verb_event_watch(struct session *session, const struct invocation *in)
{
	static const struct event_source_events events = { .event = on_event, .lost = on_lost, .failed = on_failed };
	_cleanup_err_ struct err err = ERR_INIT;
	struct event_watch watch = { .session = session, .command = in->command };
	struct event_source *source = event_source_new(session, &events, &watch);
	struct loop_timer *timer =
		in->duration_ms ? loop_timer_new(session->loop, in->duration_ms, on_duration, &watch) : NULL;
	if (session_run(session, &err) < 0)
		watch.code =
			session->signal ? 128 + session->signal : session_fail(session, in->command, NULL, NULL, &err);
	event_source_free(source);
	if (!watch.over)
		loop_timer_free(timer);
	return watch.code;
}

/* ---- this program ---- */

int verb_version(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	if (!session->json)
		print_text("ingot " INGOT_VERSION "\n");
	const char *url = getenv("INGOT_URL");
	bool asked = in->given[OPTION_URL] || (url && url[0]);
	if (asked && session_connect(session, in, &err) == 0)
		session_operation(session, command_operation(in->command), NULL, NULL, &reply, &err);
	if (err.code != ERR_NONE)
		return session_fail(session, in->command, NULL, &reply, &err);
	if (session->json) {
		json_t *json = json_pack("{s:s, s:O?}", "client", INGOT_VERSION, "server", reply.json);
		print_json(session, json);
		json_decref(json);
	} else if (reply.json) {
		_cleanup_free_ char *version =
			utf8_visible(str_or(json_string_value(json_object_get(reply.json, "version")), "?"));
		_cleanup_free_ char *line = xasprintf("ingot-provisioner %s\n", version);
		print_text(line);
	}
	return 0;
}

int verb_completion(struct session *session, const struct invocation *in)
{
	_cleanup_free_ char *script = completion_bash();
	print_text(script);
	return 0;
}
