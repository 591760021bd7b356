/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image is announced (its name, size and checksum), then its content is sent, then the provisioner imports it. What has
 * arrived stays there: a broken upload goes on where it was, within the command and with another one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/follow.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "crypto/crypto.h"

#define UPLOAD_DEADLINE_MS INT64_C(86400000) /* of the whole upload */
#define PROGRESS_EVERY_MS 10000
#define TRIES_MAX 6  /* that bring nothing, one after another */
#define PAUSE_MS 500 /* before the second; twice as long each time */

/* Looked at before anything is asked for, so that a wrong path leaves nothing behind. */
static int check_file(const struct invocation *in, uint64_t *ret_bytes, struct err *err)
{
	const char *path = in->given[OPTION_FILE];
	const json_t *size = json_object_get(in->body, "size_bytes");
	const char *sha256 = json_string_value(json_object_get(in->body, "sha256"));
	_cleanup_free_ char *hex = NULL;
	uint8_t digest[SHA256_SIZE];
	struct stat st;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, ERR_INVALID, "--file %s: %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "--file %s: is not a regular file", path);
	if (st.st_size == 0)
		return err_set(err, ERR_INVALID, "--file %s: is empty", path);
	*ret_bytes = (uint64_t)st.st_size;
	if (size && json_integer_value(size) != st.st_size)
		return err_set(err, ERR_INVALID, "--size: --file %s has %lld bytes", path, (long long)st.st_size);
	/* So that what is imported is what was here, whatever happens on the way. */
	int r = sha256_of_file(fd, digest);
	if (r < 0)
		return err_set(err, ERR_INVALID, "--file %s: %s", path, strerrordesc_np(-r));
	hex = hex_encode(digest, sizeof(digest));
	if (sha256 && !str_equal(sha256, hex))
		return err_set(err, ERR_INVALID, "--sha256: --file %s has %s, not %s", path, hex, sha256);
	json_object_set_new(in->body, "size_bytes", json_integer(st.st_size));
	json_object_set_new(in->body, "sha256", json_string(hex));
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
	const char *ours = json_string_value(json_object_get(in->body, "sha256"));
	const char *theirs = json_string_value(json_object_get(found.json, "sha256"));
	if (!str_equal(state, image_state_words[IMAGE_UPLOADING]))
		return r;
	if (theirs && !str_equal(ours, theirs))
		return err_set(
			err, ERR_INVALID,
			"--file %s: has the SHA-256 %s, but the image was announced with %s; give the same file, or "
			"delete the image",
			in->given[OPTION_FILE], ours, theirs);
	fprintf(stderr, "ingot: the image was announced before and its content is missing: going on with it\n");
	err_done(err);
	reply_done(reply);
	*reply = found;
	found = (struct reply){ 0 };
	return 0;
}

struct progress {
	struct session *session;
	uint64_t before_bytes; /* had arrived already */
	int64_t shown_ms;
	bool in_place, any;
};

static void on_progress(uint64_t done_bytes, uint64_t total_bytes, void *data)
{
	struct progress *p = data;
	int64_t now = loop_monotonic_ms(p->session->loop);
	if (total_bytes == 0 || now - p->shown_ms < (p->in_place ? 200 : PROGRESS_EVERY_MS))
		return;
	done_bytes += p->before_bytes;
	total_bytes += p->before_bytes;
	_cleanup_free_ char *total = bytes_format(total_bytes);
	fprintf(stderr, "%ssending: %3.0f %% of %s%s", p->in_place ? "\r" : "",
		100.0 * (double)done_bytes / (double)total_bytes, total, p->in_place ? "\033[K" : "\n");
	fflush(stderr);
	p->shown_ms = now;
	p->any = true;
}

/* Sends the content from offset on, by an operation that takes that. */
static int send_from(struct session *session, const struct invocation *in, const char *id, bool in_pieces,
		     uint64_t offset, struct reply *reply, struct err *err)
{
	const struct operation *operation = &operations[in_pieces ? OP_IMAGE_APPEND : OP_IMAGE_UPLOAD];
	_cleanup_free_ char *path = operation_path(operation, id);
	_cleanup_free_ char *header = xasprintf("Upload-Offset: %llu", (unsigned long long)offset);
	const char *const headers[] = { header, NULL };
	struct progress progress = { .session = session,
				     .before_bytes = offset,
				     .shown_ms = loop_monotonic_ms(session->loop),
				     .in_place = isatty(STDERR_FILENO) };
	const struct call call = { .method = operation->method,
				   .path = path,
				   .body_file = in->given[OPTION_FILE],
				   .body_offset_bytes = offset,
				   .body_type = in_pieces ? "application/offset+octet-stream" : NULL,
				   .headers = in_pieces ? headers : NULL,
				   .deadline_ms = UPLOAD_DEADLINE_MS,
				   .upload_progress = on_progress,
				   .data = &progress };
	reply_done(reply);
	int r = session_call(session, &call, reply, err);
	if (progress.in_place && progress.any)
		fputs("\r\033[K", stderr);
	return r;
}

/* How much has arrived; *ret_announced_bytes 0: it cannot come in pieces. */
static int ask_arrived(struct session *session, const char *id, uint64_t *ret_arrived_bytes,
		       uint64_t *ret_announced_bytes, struct reply *reply, struct err *err)
{
	reply_done(reply);
	int r = session_operation(session, &operations[OP_IMAGE_CONTENT], id, NULL, reply, err);
	if (r < 0)
		return r;
	*ret_arrived_bytes = (uint64_t)json_integer_value(json_object_get(reply->json, "offset_bytes"));
	*ret_announced_bytes = (uint64_t)json_integer_value(json_object_get(reply->json, "size_bytes"));
	return 0;
}

/* One attempt at all that is missing. */
static int send_missing(struct session *session, const struct invocation *in, const char *id, uint64_t file_bytes,
			uint64_t *ret_arrived_bytes, struct reply *reply, struct err *err)
{
	uint64_t announced_bytes = 0;
	int r = ask_arrived(session, id, ret_arrived_bytes, &announced_bytes, reply, err);
	if (r < 0)
		return r;
	if (announced_bytes && announced_bytes != file_bytes)
		return err_set(err, ERR_INVALID, "--file %s: has %llu bytes, but the image was announced with %llu",
			       in->given[OPTION_FILE], (unsigned long long)file_bytes,
			       (unsigned long long)announced_bytes);
	return send_from(session, in, id, announced_bytes > 0, announced_bytes ? *ret_arrived_bytes : 0, reply, err);
}

static void on_pause_over(void *data)
{
	struct session *session = data;
	loop_quit(session->loop, 0);
}

static int pause_before(struct session *session, unsigned tries, struct err *err)
{
	struct loop_timer *timer = loop_timer_new(session->loop, (int64_t)PAUSE_MS << tries, on_pause_over, session);
	int r = session_run(session, err);
	if (r < 0)
		loop_timer_free(timer);
	return r;
}

static int upload(struct session *session, const struct invocation *in, const char *id, uint64_t file_bytes,
		  struct reply *reply, struct err *err)
{
	uint64_t arrived = 0, before = 0;
	for (unsigned tries = 0;; tries++) {
		int r = send_missing(session, in, id, file_bytes, &arrived, reply, err);
		if (r == 0 || session->signal || !err_meaning(err->code)->retry)
			return r;
		tries = arrived > before ? 0 : tries;
		before = arrived;
		if (tries + 1 >= TRIES_MAX)
			return r;
		fprintf(stderr, "ingot: %s; going on\n", err->text);
		_cleanup_err_ struct err stopped = ERR_INIT;
		if (pause_before(session, tries, &stopped) < 0)
			return r;
		err_done(err);
	}
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
	uint64_t file_bytes = 0;
	if (check_file(in, &file_bytes, &err) < 0 || announce(session, in, &image, &err) < 0)
		return session_fail(session, in->command, NULL, image.status ? &image : NULL, &err);
	const char *id = json_string_value(json_object_get(image.json, "id"));
	if (!id)
		id = json_string_value(json_object_get(in->body, "name"));
	if (upload(session, in, id, file_bytes, &task, &err) < 0) {
		int code = session_fail(session, in->command, NULL, &task, &err);
		fprintf(stderr, "ingot:   the same command again goes on with it; 'ingot image delete %s' forgets it\n",
			id);
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
