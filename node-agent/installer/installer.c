/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command, and installing by an answer file: nobody is asked anything. */
#include "installer/installer.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "install/fetch.h"
#include "installer/job.h"
#include "installer/join_check.h"
#include "installer/link_wait.h"
#include "installer/machine.h"
#include "installer/medium_clock.h"
#include "installer/tui.h"
#include "schema/schema.h"

#define FETCH_GIVE_UP_MS 60000
#define TELL_INTERVAL_MS 2000

/* ---- answers ---- */

/* Over HTTP; the whole text. */
static int fetch_text(const char *url, char **ret, size_t *ret_len, struct err *err)
{
	struct strbuf text = { 0 };
	struct fetch *fetch = NULL;
	char buffer[4096];
	ssize_t n = 0;
	int r = fetch_start(&(struct fetch_spec){ .url = url, .what = "the answers", .give_up_ms = FETCH_GIVE_UP_MS },
			    &fetch, err);

	if (r < 0)
		return r;
	while (text.len <= ANSWERS_MAX_BYTES && (n = read(fetch_fd(fetch), buffer, sizeof(buffer))) > 0)
		strbuf_add(&text, buffer, (size_t)n);
	r = text.len > ANSWERS_MAX_BYTES
		    ? 0
		    : fetch_finish(fetch, err); /* one that is too large is refused by its reader */
	fetch_free(fetch);
	*ret_len = text.len;
	if (r == 0)
		*ret = strbuf_take(&text);
	strbuf_done(&text);
	return r;
}

/* From a file or an address. *ret_mark: which answers these are; the caller frees. */
static int load_answers(const char *where, struct answers *ret, char **ret_mark, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r;

	if (strncasecmp(where, "http://", strlen("http://")) == 0) {
		r = fetch_text(where, &text, &len, err);
	} else if (strstr(where, "://")) {
		r = err_set(
			err, ERR_INVALID,
			"%s: answers are fetched by http:// only, as the medium knows no authorities to judge a server's "
			"certificate by; say http://, or put the file on a stick labelled INGOT-ANS as answers.yaml",
			where);
	} else {
		r = read_file(where, ANSWERS_MAX_BYTES, &text, &len);
		if (r < 0)
			err_set_errno(err, r, "%s", where);
	}
	if (r < 0)
		return r;
	r = answers_parse(text, len, where, ret, err);
	if (r == 0)
		*ret_mark = sha256_hex(text, len);
	wipe(text, len);
	return r;
}

static int say_problems(const struct answers *answers, const struct problems *problems)
{
	for (unsigned i = 0; i < problems->count; i++) {
		_cleanup_free_ char *line = answers_problem_line(answers, problems, i);

		fprintf(stderr, "%s\n", line);
	}
	return problems->count ? err_meaning(ERR_INVALID)->exit_code : 0;
}

static int say_error(const struct err *err)
{
	fprintf(stderr, "%s\n", str_or(err->text, "failed"));
	return err_meaning(err->code)->exit_code;
}

static int check_file(const char *path)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	if (answers_read(path, &answers, &err) < 0)
		return say_error(&err);
	if (answers_check(&answers, &problems))
		printf("%s: right; role %s, disk %s\n", path, answers_get(&answers, ANSWER_ROLE),
		       str_or(answers_get(&answers, ANSWER_DISK_SERIAL), answers_get(&answers, ANSWER_DISK_WWN)));
	return say_problems(&answers, &problems);
}

/* ---- installing ---- */

static void print_progress(const struct job_progress *progress, void *ctx)
{
	int64_t *told_ms = ctx;

	if (progress->percent > 0 && progress->percent < 100 && monotonic_ms() - *told_ms < TELL_INTERVAL_MS)
		return;
	*told_ms = monotonic_ms();
	printf("%-10s %3u %%", progress->step, progress->percent);
	if (progress->bytes_per_s) {
		_cleanup_free_ char *rate = bytes_format(progress->bytes_per_s);

		printf("  %s/s, %lld:%02lld left", rate, (long long)progress->left_s / 60,
		       (long long)progress->left_s % 60);
	}
	printf("\n");
	fflush(stdout);
}

/* Whether a disk was installed by these very answers: then it is started, or a machine that boots from the medium again would
 * install itself again and again. */
static int start_if_done(const struct job *job, int *ret_code)
{
	_cleanup_held_disk_ struct held_disk disk = HELD_DISK_NONE;
	_cleanup_err_ struct err err = ERR_INIT;
	struct answers again = *job->answers;
	_cleanup_free_ char *mark = NULL;
	struct job start = *job;

	/* What is wrong with it is said with all else that does not fit. */
	if (job_open_disk(job, &disk, NULL) < 0)
		return 0;
	if (job_mark_on_disk(&disk, &mark, &err) < 0) {
		*ret_code = say_error(&err);
		return 1;
	}
	if (!str_equal(mark, job->mark))
		return 0;
	printf("%s was installed by these answers already: starting it\n", disk.disk.path);
	fflush(stdout);
	again.value[ANSWER_FINISH] = (char[]){ "kexec" };
	start.answers = &again;
	job_finish(&start, &err);
	*ret_code = *job->prefix ? 0 : say_error(&err);
	return 1;
}

static int install(const struct job *job)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct write_status status = { 0 };
	int r = job_run(job, &status, &err);

	if (r < 0) {
		_cleanup_free_ char *text = xstrdup(str_or(err.text, "failed"));

		fprintf(stderr, "step %s: %s\n", status.step, text);
	} else {
		_cleanup_free_ char *name = NULL;

		printf("%s is installed: %s\n", status.disk_path,
		       job_host_name(job, &name, NULL) == 0 ? name : "its name is unreadable");
		fflush(stdout);
		r = *job->prefix ? 0 : job_finish(job, &err);
	}
	write_status_done(&status);
	return r < 0 ? err_meaning(err.code)->exit_code : 0;
}

static int run_answers(const struct installer_options *options)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_machine_ struct machine machine = { 0 };
	_cleanup_medium_ struct medium medium = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *mark = NULL, *ca_pem = NULL, *said = NULL;
	int64_t told_ms = 0;
	struct job job = { .answers = &answers,
			   .medium = &medium,
			   .sysroot = options->sysroot,
			   .prefix = options->prefix,
			   .progress = print_progress,
			   .ctx = &told_ms };
	int code = 0;

	if (medium_open(options->medium, &medium, &err) < 0 ||
	    load_answers(options->answers, &answers, &mark, &err) < 0)
		return say_error(&err);
	said = clock_check(&medium, options->prefix);
	if (said)
		printf("%s\n", said);
	job.mark = mark;
	/* What is wrong in the file is said before what does not fit the machine. */
	if (!answers_check(&answers, &problems))
		return say_problems(&answers, &problems);
	if (machine_read(options->sysroot, &machine, &err) < 0)
		return say_error(&err);
	if (start_if_done(&job, &code))
		return code;
	link_wait(&machine, &answers);
	machine_check(&machine, &answers, &problems);
	if (problems.count == 0)
		machine_probe(&machine, &answers, &problems);
	if (problems.count == 0)
		join_check(&machine, &answers, &ca_pem, &problems);
	job.ca_pem = ca_pem;
	return problems.count ? say_problems(&answers, &problems) : install(&job);
}

static int run_screens(const struct installer_options *options)
{
	_cleanup_medium_ struct medium medium = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	const struct job job = { .medium = &medium, .sysroot = options->sysroot, .prefix = options->prefix };

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fprintf(stderr,
			"ingot-agent install: this is no terminal to ask on; say --answers FILE, see ingot-agent --help\n");
		return err_meaning(ERR_INVALID)->exit_code;
	}
	return medium_open(options->medium, &medium, &err) < 0 ? say_error(&err) : tui_run(&job);
}

int installer_run(const struct installer_options *options)
{
	log_set_quiet(true); /* the terminal is ours */
	if (options->check)
		return check_file(options->check);
	return options->answers ? run_answers(options) : run_screens(options);
}
