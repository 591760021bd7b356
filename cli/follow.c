/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/follow.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/event_source.h"
#include "cli/visible.h"

#define LOOK_FIRST_MS 250
#define LOOK_MAX_MS 2000
#define LOOK_APART_MS 50 /* at least, however many events come */
#define GIVE_UP_MS INT64_C(300000)
#define PROGRESS_EVERY_MS 10000 /* where lines cannot be written over */

struct followed {
	struct follow *follow;
	struct follow_item *item;
	struct http_call *call;
	struct loop_timer *timer;
	int64_t delay_ms, failing_since_ms, looked_at_ms, progress_at_ms, progress;
	size_t steps_shown;
	bool again, ended;
};

struct follow {
	struct session *session;
	struct followed *tasks;
	size_t count, left;
	struct event_source *events;
	int64_t started_ms;
	bool in_place; /* progress is written over the same line */
	bool line_open;
	bool lost_said;
};

/* ---- what is printed ---- */

static void PRINTF_LIKE(3, 4) say(struct follow *f, bool in_place, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *raw = xvasprintf(fmt, ap);
	va_end(ap);
	_cleanup_free_ char *text = utf8_visible(raw);
	double elapsed = (double)(loop_monotonic_ms(f->session->loop) - f->started_ms) / 1000;
	fprintf(stderr, "%s%7.1fs  %s%s", f->line_open ? "\r\033[K" : "", elapsed, text, in_place ? "" : "\n");
	fflush(stderr);
	f->line_open = in_place;
}

/* "machine.deploy rack1-a" */
static char *task_label(const struct follow_item *item)
{
	const char *action = json_string_value(json_object_get(item->task, "action"));
	const char *name = json_string_value(json_object_get(item->task, "resource_name"));
	if (!action)
		return xasprintf("task %s", item->id);
	return xasprintf("%s%s%s", action, name ? " " : "", str_or(name, ""));
}

static void show_steps(struct followed *t, const char *label)
{
	const json_t *steps = json_object_get(t->item->task, "steps");
	size_t count = json_array_size(steps);
	const char *message = json_string_value(json_object_get(t->item->task, "message"));
	for (size_t i = t->steps_shown; i < count; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(steps, i), "name"));
		bool last = i + 1 == count && message && message[0] && !str_equal(message, name);
		say(t->follow, false, "%s: %s%s%s", label, str_or(name, "?"), last ? ": " : "", last ? message : "");
	}
	if (count > t->steps_shown) {
		t->progress = 0;
		t->progress_at_ms = loop_monotonic_ms(t->follow->session->loop);
		t->steps_shown = count;
	}
}

static void show_progress(struct followed *t, const char *label)
{
	int64_t progress = json_integer_value(json_object_get(t->item->task, "progress"));
	int64_t now = loop_monotonic_ms(t->follow->session->loop);
	const json_t *steps = json_object_get(t->item->task, "steps");
	const json_t *step = json_array_get(steps, json_array_size(steps) - 1);
	const char *name = json_string_value(json_object_get(step, "name"));
	if (progress == t->progress || (!t->follow->in_place && now - t->progress_at_ms < PROGRESS_EVERY_MS))
		return;
	say(t->follow, t->follow->in_place, "%s: %s %lld %%", label, str_or(name, "at"), (long long)progress);
	t->progress = progress;
	t->progress_at_ms = now;
}

/* ---- one task ---- */

static void task_look(struct followed *t);

static void on_timer(void *data)
{
	struct followed *t = data;
	t->timer = NULL;
	task_look(t);
}

static void look_after(struct followed *t, int64_t delay_ms)
{
	loop_timer_free(t->timer);
	t->timer = loop_timer_new(t->follow->session->loop, delay_ms, on_timer, t);
}

/* Something has happened to it. */
static void look_soon(struct followed *t)
{
	int64_t apart = t->looked_at_ms + LOOK_APART_MS - loop_monotonic_ms(t->follow->session->loop);
	look_after(t, MAX_OF(apart, 0));
}

static void task_end(struct followed *t)
{
	t->ended = true;
	t->timer = loop_timer_free(t->timer);
	if (--t->follow->left == 0)
		loop_quit(t->follow->session->loop, 0);
}

static void take_error(struct followed *t, const char *state)
{
	const json_t *problem = json_object_get(t->item->task, "error");
	const char *code = json_string_value(json_object_get(problem, "code"));
	const char *text = json_string_value(json_object_get(problem, "text"));
	const char *field = json_string_value(json_object_get(problem, "field"));
	enum err_code found = code ? err_code_from_name(code) : ERR_INTERNAL;
	if (str_equal(state, task_state_words[TASK_CANCELLED]))
		found = ERR_CANCELLED;
	if (field)
		err_set_field(&t->item->err, found, field, "%s", str_or(text, state));
	else
		err_set(&t->item->err, found, "%s", str_or(text, state));
}

static void task_seen(struct followed *t)
{
	const char *state = json_string_value(json_object_get(t->item->task, "state"));
	_cleanup_free_ char *label = task_label(t->item);
	show_steps(t, label);
	if (str_equal(state, task_state_words[TASK_RUNNING])) {
		show_progress(t, label);
		if (t->again)
			look_soon(t);
		else
			look_after(t, t->delay_ms);
		t->delay_ms = t->again ? LOOK_FIRST_MS : MIN_OF(t->delay_ms * 2, LOOK_MAX_MS);
		t->again = false;
		return;
	}
	if (!str_equal(state, task_state_words[TASK_SUCCEEDED]))
		take_error(t, str_or(state, "in no state"));
	say(t->follow, false, "%s: %s", label, str_or(state, "in no state"));
	task_end(t);
}

/* It is tried again as long as that may help. */
static void task_unseen(struct followed *t, int status, const struct err *err)
{
	int64_t now = loop_monotonic_ms(t->follow->session->loop);
	if (!t->failing_since_ms)
		t->failing_since_ms = now;
	bool worth = t->item->task && (status == 0 || status >= 500 || err_meaning(err->code)->retry);
	if (!worth || now - t->failing_since_ms > GIVE_UP_MS) {
		err_copy(&t->item->err, err);
		task_end(t);
		return;
	}
	if (!t->follow->lost_said)
		say(t->follow, false, "the provisioner does not answer (%s); trying again", str_or(err->text, ""));
	t->follow->lost_said = true;
	t->again = false;
	t->delay_ms = MIN_OF(t->delay_ms * 2, LOOK_MAX_MS);
	look_after(t, t->delay_ms);
}

static void on_answer(const struct http_response *response, const struct err *err, void *data)
{
	struct followed *t = data;
	t->call = NULL;
	t->item->reply.status = response->status;
	if (err && err->code != ERR_NONE) {
		task_unseen(t, response->status, err);
		return;
	}
	if (!json_is_object(response->json)) {
		_cleanup_err_ struct err odd = ERR_INIT;
		err_set(&odd, ERR_INTERNAL, "the answer is no task");
		task_unseen(t, response->status, &odd);
		return;
	}
	t->failing_since_ms = 0;
	t->follow->lost_said = false;
	json_decref(t->item->task);
	t->item->task = json_incref(response->json);
	task_seen(t);
}

static void task_look(struct followed *t)
{
	struct session *session = t->follow->session;
	const struct operation *operation = &operations[OP_TASK_SHOW];
	if (t->ended)
		return;
	if (t->call) {
		t->again = true;
		return;
	}
	_cleanup_free_ char *path = operation_path(operation, t->item->id);
	_cleanup_free_ char *url = xasprintf("%s%s", session->url, path);
	const struct http_call_spec spec = { .method = operation->method, .url = url, .done = on_answer, .data = t };
	t->looked_at_ms = loop_monotonic_ms(session->loop);
	t->call = http_call_new(session->client, &spec);
}

/* ---- all of them ---- */

static void on_event(const json_t *event, void *data)
{
	struct follow *f = data;
	const char *id = json_string_value(json_object_get(event, "resource_id"));
	for (size_t i = 0; id && i < f->count; i++) {
		struct followed *t = &f->tasks[i];
		const char *resource = json_string_value(json_object_get(t->item->task, "resource_id"));
		if (t->ended || (!str_equal(id, t->item->id) && !str_equal(id, resource)))
			continue;
		t->delay_ms = LOOK_FIRST_MS;
		if (t->call)
			t->again = true;
		else
			look_soon(t);
	}
}

/* Without events looking now and then is enough; only later. */
static void on_stream_failed(int status, const struct err *err, void *data)
{
}

static void say_what_goes_on(struct follow *f, const struct err *why)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	strbuf_addf(&text, "%singot: %s; what was started goes on. To watch it: ingot task watch",
		    f->line_open ? "\n" : "", str_or(why->text, "ended"));
	for (size_t i = 0; i < f->count; i++) {
		_cleanup_free_ char *id = utf8_visible(f->tasks[i].item->id);
		if (!f->tasks[i].ended)
			strbuf_addf(&text, " %s", id);
	}
	strbuf_adds(&text, "\n");
	fputs(text.data, stderr);
}

int follow_tasks(struct session *session, struct follow_item *items, size_t count, struct err *err)
{
	static const struct event_source_events source_events = { .event = on_event, .failed = on_stream_failed };
	struct follow f = { .session = session,
			    .count = count,
			    .left = count,
			    .started_ms = loop_monotonic_ms(session->loop),
			    .in_place = count == 1 && isatty(STDERR_FILENO) };
	_cleanup_free_ struct followed *tasks = new0(struct followed, count);
	_cleanup_err_ struct err why = ERR_INIT;
	if (count == 0)
		return 0;
	f.tasks = tasks;
	f.events = event_source_new(session, &source_events, &f);
	for (size_t i = 0; i < count; i++) {
		tasks[i] = (struct followed){ .follow = &f, .item = &items[i], .delay_ms = LOOK_FIRST_MS };
		task_look(&tasks[i]);
	}
	int r = session_run(session, &why);
	if (r < 0)
		say_what_goes_on(&f, &why);
	for (size_t i = 0; i < count; i++) {
		http_call_free(tasks[i].call);
		loop_timer_free(tasks[i].timer);
	}
	event_source_free(f.events);
	if (err)
		err_move(err, &why);
	return r;
}

void follow_items_free(struct follow_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].id);
		json_decref(items[i].task);
		reply_done(&items[i].reply);
		err_done(&items[i].err);
	}
	free(items);
}
