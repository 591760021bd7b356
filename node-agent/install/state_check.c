/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of the state partition, read back through debugfs once the kernel has forgotten what it knows of the disk. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "install/install_priv.h"

#define COPY_DEADLINE_MS 1800000
#define PIECE_BYTES ((size_t)(256 * KIB))
/* A longer target is in a block of its own, and debugfs does not show it (ext4: i_block has 60 bytes). */
#define FAST_LINK_BYTES 60

static bool is_checked(const struct host_file *file, bool kept)
{
	return !kept || state_is_put_in(file, kept);
}

static int lies(const struct install *install, const struct host_file *file, const char *what, struct err *err)
{
	return held_disk_lies(&install->disk, err, "%s on the state partition: %s", file->path, what);
}

/* ---- what each is: kind, mode, size ---- */

/* From an answer to "stat": "Inode: 12   Type: regular    Mode:  0644   Flags: 0x80000", "Size: 5". */
static bool answer_says(const char *answer, const char *end, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool answer_says(const char *answer, const char *end, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	const char *at;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	at = strstr(answer, text);
	return at && at < end;
}

static int check_size(const struct install *install, const struct host_file *file, const char *answer, const char *end,
		      struct err *err)
{
	struct stat st = { .st_size = file->text ? (off_t)strlen(file->text) : 0 };

	if (file->source && stat(file->source, &st) < 0)
		return err_set_errno(err, -errno, "%s", file->source);
	if (answer_says(answer, end, "Size: %jd\n", (intmax_t)st.st_size))
		return 0;
	return err_set(err, ERR_CORRUPT, "%s was not written; is there room for %jd bytes?", file->path,
		       (intmax_t)st.st_size);
}

static int check_kind(const struct install *install, const struct host_file *file, const char *answers, struct err *err)
{
	_cleanup_free_ char *command = xasprintf("debugfs: stat %s\n", file->path);
	const char *answer = strstr(answers, command), *end;

	if (!answer)
		return lies(install, file, "nothing is said about it", err);
	answer += strlen(command);
	end = strstr(answer, "debugfs: ");
	end = end ? end : answer + strlen(answer);
	if (file->target)
		return answer_says(answer, end, "Type: symlink") &&
				       (strlen(file->target) >= FAST_LINK_BYTES ||
					answer_says(answer, end, "link dest: \"%s\"", file->target))
			       ? 0
			       : lies(install, file, "it is not the link that was made", err);
	if (file->text || file->source) {
		int r = check_size(install, file, answer, end, err);

		if (r < 0)
			return r;
	}
	if (!answer_says(answer, end, "Type: %s", file->text || file->source ? "regular" : "directory") ||
	    !answer_says(answer, end, "Mode:  %04o ", (unsigned)file->mode))
		return lies(install, file, "its kind or mode is another", err);
	return 0;
}

static int check_kinds(struct install *install, bool kept, struct err *err)
{
	const struct host_files *files = install->spec->files;
	_cleanup_strbuf_ struct strbuf questions = { 0 };
	_cleanup_free_ char *answers = NULL;
	int r;

	for (unsigned i = 0; i < files->count; i++) {
		if (is_checked(&files->list[i], kept))
			strbuf_addf(&questions, "stat %s\n", files->list[i].path);
	}
	r = state_debugfs(install, questions.data, (size_t)files->count * 4 * KIB, &answers, err);
	for (unsigned i = 0; r == 0 && i < files->count; i++) {
		if (is_checked(&files->list[i], kept))
			r = check_kind(install, &files->list[i], answers, err);
	}
	return r;
}

/* ---- what is in small ones: all of them at once ---- */

static int check_texts(struct install *install, bool kept, struct err *err)
{
	const struct host_files *files = install->spec->files;
	_cleanup_strbuf_ struct strbuf questions = { 0 };
	_cleanup_free_ char *answers = NULL;
	const char *at;
	size_t len = 0;
	int r;

	for (unsigned i = 0; i < files->count; i++) {
		if (!is_checked(&files->list[i], kept) || !files->list[i].text)
			continue;
		strbuf_addf(&questions, "cat %s\n", files->list[i].path);
		len += strlen(files->list[i].text);
	}
	r = questions.len ? state_debugfs(install, questions.data, len, &answers, err) : 0;
	if (r < 0 || !questions.len)
		return r;
	at = answers;
	for (unsigned i = 0; i < files->count; i++) {
		const struct host_file *file = &files->list[i];
		_cleanup_free_ char *should = xasprintf("debugfs: cat %s\n%s", file->path, str_or(file->text, ""));

		if (!is_checked(file, kept) || !file->text)
			continue;
		if (!str_starts(at, should))
			return lies(install, file, "its content is another", err);
		at += strlen(should);
	}
	return 0;
}

/* ---- what is in large ones: each as a stream ---- */

struct stream {
	int pipe, source;
	uint64_t at;
	bool same;
};

static bool same_piece(struct stream *stream, const char *data, size_t len)
{
	_cleanup_free_ char *should = xmalloc(len);
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(stream->source, should + have, len - have, (off_t)(stream->at + have));

		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return memcmp(data, should, len) == 0;
}

/* To the end, also when it is known already: who writes is not to be held up. */
static void *stream_thread(void *data)
{
	_cleanup_free_ char *buffer = xmalloc(PIECE_BYTES);
	struct stream *stream = data;
	sigset_t all;
	ssize_t n;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while ((n = read(stream->pipe, buffer, PIECE_BYTES)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		stream->same = stream->same && same_piece(stream, buffer, (size_t)n);
		stream->at += (uint64_t)n;
	}
	return NULL;
}

static int cat_to(struct install *install, const char *path, int fd, struct err *err)
{
	_cleanup_free_ char *device = state_device(install), *request = xasprintf("cat %s", path);
	const char *argv[] = { "debugfs", "-R", request, device, NULL };
	struct cmd cmd = { .argv = argv, .deadline_ms = COPY_DEADLINE_MS, .die_with_parent = true, .stdout_fd = fd };

	return cmd_run(&cmd, NULL, err);
}

static int check_large(struct install *install, const struct host_file *file, struct err *err)
{
	_cleanup_close_ int source = open(file->source, O_RDONLY | O_CLOEXEC);
	struct stream stream = { .source = source, .same = true };
	pthread_t thread;
	struct stat st;
	int ends[2], r;

	if (source < 0 || fstat(source, &st) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, -errno, "%s", file->source);
	stream.pipe = ends[0];
	r = pthread_create(&thread, NULL, stream_thread, &stream);
	if (r) {
		close_fd(ends[0]);
		close_fd(ends[1]);
		return err_set_errno(err, -r, "starting a thread");
	}
	r = cat_to(install, file->path, ends[1], err);
	close_fd(ends[1]); /* the stream's end */
	pthread_join(thread, NULL);
	close_fd(ends[0]);
	if (r == 0 && (!stream.same || stream.at != (uint64_t)st.st_size))
		r = lies(install, file, "its content is another", err);
	return r;
}

/* ---- all ---- */

int state_files_check(struct install *install, bool kept, struct err *err)
{
	const struct host_files *files = install->spec->files;
	int r = held_disk_forget(&install->disk, err);

	if (r == 0)
		r = check_kinds(install, kept, err);
	if (r == 0)
		r = check_texts(install, kept, err);
	for (unsigned i = 0; r == 0 && i < files->count; i++) {
		if (files->list[i].source)
			r = check_large(install, &files->list[i], err);
	}
	return r;
}
