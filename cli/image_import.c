/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image is announced (its name, its checksum), then its content is sent, then the provisioner imports it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/follow.h"
#include "cli/print.h"
#include "cli/verbs.h"

#define UPLOAD_DEADLINE_MS INT64_C(86400000) /* of the whole upload */
#define PROGRESS_EVERY_MS 10000

/* Looked at before anything is asked for, so that a wrong path leaves nothing behind. */
static int check_file(const char *path, struct err *err)
{
	struct stat st;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, ERR_INVALID, "--file %s: %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "--file %s: is not a regular file", path);
	if (st.st_size == 0)
		return err_set(err, ERR_INVALID, "--file %s: is empty", path);
	return 0;
}

/* Creates it; or takes the one whose upload did not finish before. */
static int announce(struct session *session, const struct invocation *in, struct reply *reply, struct err *err)
{
	_cleanup_reply_ struct reply found = { 0 };
	int r = session_operation(session, command_operation(in->command), NULL, in->body, reply, err);
	if (r == 0 || err->code != ERR_EXISTS)
		return r;
	const char *name = json_string_value(json_object_get(in->body, "name"));
	if (session_operation(session, &operations[OP_IMAGE_SHOW], name, NULL, &found, NULL) < 0)
		return r;
	const char *state = json_string_value(json_object_get(found.json, "state"));
	const json_t *sha256 = json_object_get(in->body, "sha256");
	bool same = !sha256 || json_equal(sha256, json_object_get(found.json, "sha256"));
	if (!str_equal(state, image_state_words[IMAGE_UPLOADING]) || !same)
		return r;
	fprintf(stderr, "ingot: the image was announced before and its content is missing: sending it\n");
	err_done(err);
	reply_done(reply);
	*reply = found;
	found = (struct reply){ 0 };
	return 0;
}

struct progress {
	struct session *session;
	int64_t shown_ms;
	bool in_place, any;
};

static void on_progress(uint64_t done_bytes, uint64_t total_bytes, void *data)
{
	struct progress *p = data;
	int64_t now = loop_monotonic_ms(p->session->loop);
	if (total_bytes == 0 || now - p->shown_ms < (p->in_place ? 200 : PROGRESS_EVERY_MS))
		return;
	_cleanup_free_ char *total = bytes_format(total_bytes);
	fprintf(stderr, "%ssending: %3.0f %% of %s%s", p->in_place ? "\r" : "",
		100.0 * (double)done_bytes / (double)total_bytes, total, p->in_place ? "\033[K" : "\n");
	fflush(stderr);
	p->shown_ms = now;
	p->any = true;
}

static int upload(struct session *session, const struct invocation *in, const char *id, struct reply *reply,
		  struct err *err)
{
	const struct operation *operation = &operations[OP_IMAGE_UPLOAD];
	_cleanup_free_ char *path = operation_path(operation, id);
	struct progress progress = { .session = session,
				     .shown_ms = loop_monotonic_ms(session->loop),
				     .in_place = isatty(STDERR_FILENO) };
	const struct call call = { .method = operation->method,
				   .path = path,
				   .body_file = in->given[OPTION_FILE],
				   .deadline_ms = UPLOAD_DEADLINE_MS,
				   .upload_progress = on_progress,
				   .data = &progress };
	int r = session_call(session, &call, reply, err);
	if (progress.in_place && progress.any)
		fputs("\r\033[K", stderr);
	return r;
}

static int wait_and_show(struct session *session, const struct invocation *in, const char *id, const json_t *task)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	struct follow_item *item = new0(struct follow_item, 1);
	json_t *results = json_array();
	int code = 0;
	item->id = xstrdup(str_or(json_string_value(json_object_get(task, "id")), ""));
	if (follow_tasks(session, item, 1, &err) < 0)
		code = session->signal ? 128 + session->signal : err_meaning(err.code)->exit_code;
	else if (item->err.code != ERR_NONE)
		code = session_fail(session, in->command, NULL, &item->reply, &item->err);
	else if (session_operation(session, &operations[OP_IMAGE_SHOW], id, NULL, &reply, &err) < 0)
		code = session_fail(session, in->command, NULL, &reply, &err);
	else
		json_array_append(results, reply.json);
	print_results(session, &image_schema, results);
	json_decref(results);
	follow_items_free(item, 1);
	return code;
}

int verb_import(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply image = { 0 }, task = { 0 };
	if (check_file(in->given[OPTION_FILE], &err) < 0 || announce(session, in, &image, &err) < 0)
		return session_fail(session, in->command, NULL, image.status ? &image : NULL, &err);
	const char *id = json_string_value(json_object_get(image.json, "id"));
	if (!id)
		id = json_string_value(json_object_get(in->body, "name"));
	if (upload(session, in, id, &task, &err) < 0) {
		int code = session_fail(session, in->command, NULL, &task, &err);
		fprintf(stderr,
			"ingot:   the same command again sends the content; 'ingot image delete %s' forgets it\n", id);
		return code;
	}
	if (in->given[OPTION_WAIT])
		return wait_and_show(session, in, id, task.json);
	json_t *results = json_array();
	json_array_append(results, task.json);
	print_results(session, &task_schema, results);
	json_decref(results);
	return 0;
}
