/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <crypt.h>

#include "base/log.h"
#include "install/boot.h"
#include "installer/plan.h"
#include "installer/record.h"

#define CMDLINE_MAX_BYTES ((size_t)(64 * KIB))
#define TELL_INTERVAL_MS 200
#define RATE_AFTER_MS 1000

struct running {
	const struct job *job;
	const char *step;
	struct job_pace pace;
	int64_t told_ms;
};

/* ---- telling ---- */

void job_pace_tell(struct job_pace *pace, int64_t now_ms, uint64_t done, uint64_t total, struct job_progress *ret)
{
	uint64_t took_ms, moved;

	ret->bytes_per_s = 0;
	ret->left_s = -1;
	/* Of what is read back most was read while it was written. */
	if (!pace->running)
		*pace = (struct job_pace){ now_ms, done, done > 0 };
	took_ms = (uint64_t)(now_ms - pace->began_ms);
	if (!total || took_ms < RATE_AFTER_MS || done <= pace->began_bytes)
		return;
	moved = done - pace->began_bytes;
	ret->bytes_per_s = moved * 1000 / took_ms;
	ret->left_s = (int64_t)((total - MIN_OF(done, total)) * took_ms / moved / 1000);
}

static void tell(struct running *running, const char *step, unsigned percent, uint64_t done, uint64_t total)
{
	struct job_progress progress = { .step = step, .percent = percent };
	int64_t now_ms = monotonic_ms();
	bool is_new = !str_equal(step, running->step);

	running->step = step;
	if (is_new)
		running->pace = (struct job_pace){ 0 };
	job_pace_tell(&running->pace, now_ms, done, total, &progress);
	if (!running->job->progress || (!is_new && now_ms - running->told_ms < TELL_INTERVAL_MS && percent < 100))
		return;
	running->told_ms = now_ms;
	running->job->progress(&progress, running->job->ctx);
}

static void medium_progress(uint64_t done, uint64_t total, void *ctx)
{
	tell(ctx, "medium", total ? (unsigned)(done * 100 / total) : 100, done, total);
}

static void write_progress(const struct write_status *status, void *ctx)
{
	bool is_write = str_equal(status->step, "write"), is_verify = str_equal(status->step, "verify");

	tell(ctx, status->step, status->progress,
	     is_write	 ? status->bytes
	     : is_verify ? status->verified_bytes
			 : 0,
	     is_write || is_verify ? status->total_bytes : 0);
}

/* ---- the job ---- */

/* Of the first console that begins to write. Held until the end of the program. */
static int take_lock(const struct job *job, struct err *err)
{
	_cleanup_free_ char *dir = xasprintf("%s/run/ingot", job->prefix);
	_cleanup_free_ char *path = xasprintf("%s/install.lock", dir);
	_cleanup_close_ int fd = -1;
	int r = mkdir_p(dir, 0755);

	if (r < 0)
		return err_set_errno(err, r, "%s", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, -errno, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_BUSY, "an installation is on its way on another console; look there");
	return TAKE_FD(fd);
}

/* What is left on the disk of the password; NULL where there is none. The caller wipes and frees. */
static int hash_password(const struct answers *answers, char **ret, struct err *err)
{
	_cleanup_free_ struct crypt_data *data = new0(struct crypt_data, 1);
	const char *password = answers_get(answers, ANSWER_ADMIN_PASSWORD), *hash;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	int r = 0;

	*ret = xstrdup(answers_get(answers, ANSWER_ADMIN_HASH));
	if (!password)
		return 0;
	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, (int)sizeof(setting)))
		return err_set_errno(err, -errno, "hashing the password");
	hash = crypt_rn(password, setting, data, (int)sizeof(*data));
	if (hash)
		*ret = xstrdup(hash);
	else
		r = err_set_errno(err, -errno, "hashing the password");
	wipe(data, sizeof(*data));
	return r;
}

static char *own_console(const struct job *job)
{
	_cleanup_free_ char *path = xasprintf("%s/proc/cmdline", job->sysroot), *cmdline = NULL;
	size_t len;

	read_file(path, CMDLINE_MAX_BYTES, &cmdline, &len);
	return plan_console(job->answers, str_or(cmdline, ""));
}

int job_host_name(const struct job *job, char **ret, struct err *err)
{
	_cleanup_held_disk_ struct held_disk disk = HELD_DISK_NONE;
	_cleanup_(record_done) struct record record = { 0 };
	struct layout layout;
	int r;

	if (!answers_keep(job->answers)) {
		*ret = xstrdup(answers_get(job->answers, ANSWER_HOST_NAME));
		return 0;
	}
	r = job_open_disk(job, &disk, err);
	if (r == 0)
		r = layout_read(&disk, &layout, err);
	if (r == 0)
		r = record_read(&disk, &layout, &record, err);
	if (r < 0)
		return r;
	if (!record.host_name)
		return err_set(err, ERR_CORRUPT,
			       "the state on %s, which is to be kept, has no host's name (/etc/hostname); begin anew "
			       "(disk.state: new)",
			       disk.path);
	*ret = TAKE_PTR(record.host_name);
	return 0;
}

static int write_all(struct running *running, const char *hash, struct write_status *ret, struct err *err)
{
	const struct job *job = running->job;
	const struct answers *answers = job->answers;
	_cleanup_free_ char *work_dir = xasprintf("%s/run/ingot/install", job->prefix), *console = own_console(job);
	struct plan_input input = { job->medium->dir, job->ca_pem, hash, job->mark, job->medium->version };
	bool keep = answers_keep(answers);
	_cleanup_host_files_ struct host_files files = { 0 };
	struct write_spec spec = {
		.id = "from the medium",
		.disk = { answers_get(answers, ANSWER_DISK_WWN), answers_get(answers, ANSWER_DISK_SERIAL), 0 },
		.bundle = { .path = job->medium->bundle, .key_pem = job->medium->key_pem },
		.console = console,
		.files = &files,
		.keep_state = keep,
		.sysroot = job->sysroot,
		.work_dir = work_dir,
		.progress = write_progress,
		.ctx = running,
	};
	_cleanup_free_ char *name = NULL;
	int r = job_host_name(job, &name, err);

	if (r < 0)
		return r;
	spec.name = name;
	if (keep)
		plan_files_kept(answers, &input, &files);
	else
		plan_files(answers, &input, &files);
	return write_host(&spec, ret, err);
}

int job_run(const struct job *job, struct write_status *ret, struct err *err)
{
	struct running running = { .job = job };
	char *hash = NULL;
	int lock, r;

	*ret = (struct write_status){ .step = "medium" };
	lock = take_lock(job, err);
	if (lock < 0)
		return lock;
	r = medium_check(job->medium, medium_progress, &running, err);
	if (r == 0)
		r = hash_password(job->answers, &hash, err);
	if (r == 0)
		r = write_all(&running, hash, ret, err);
	if (hash)
		wipe(hash, strlen(hash));
	free(hash);
	close_fd(lock);
	return r;
}

int job_open_disk(const struct job *job, struct held_disk *ret, struct err *err)
{
	return held_disk_open(job->sysroot, answers_get(job->answers, ANSWER_DISK_WWN),
			      answers_get(job->answers, ANSWER_DISK_SERIAL), 0, false, ret, err);
}

static int load_kernel(const struct job *job, struct kexec **ret, struct err *err)
{
	_cleanup_free_ char *work_dir = xasprintf("%s/run/ingot/install", job->prefix), *console = own_console(job);
	_cleanup_held_disk_ struct held_disk disk = HELD_DISK_NONE;
	_cleanup_free_ char *name = NULL;
	struct layout layout;
	struct esp esp = { &disk, &layout, work_dir };
	int r = mkdir_p(work_dir, 0700); /* nothing may have been written in this boot */

	if (r < 0)
		return err_set_errno(err, r, "%s", work_dir);
	r = job_host_name(job, &name, err);
	if (r == 0)
		r = job_open_disk(job, &disk, err);
	if (r == 0)
		r = write_find_host(&disk, &layout, err);
	return r == 0 ? kexec_start_from_esp(&esp, name, console, ret, err) : r;
}

static void tell_finish(enum boot_how how, const struct err *why, void *ctx)
{
	if (why->code != ERR_NONE)
		log_warning("%s; rebooting instead", why->text);
}

int job_finish(const struct job *job, struct err *err)
{
	static const enum boot_how ways[] = { BOOT_REBOOT, BOOT_POWEROFF, BOOT_KEXEC };
	const struct question *question = answers_question(ANSWER_FINISH);
	_cleanup_err_ struct err why = ERR_INIT;
	struct kexec *kexec = NULL;
	size_t i = 0;
	int r;

	if (*job->prefix)
		return err_set(err, ERR_UNSUPPORTED, "nothing is started: the installer runs with --prefix");
	while (i + 1 < ARRAY_SIZE(ways) && !answers_is(job->answers, ANSWER_FINISH, question->words[i]))
		i++;
	if (ways[i] == BOOT_KEXEC && load_kernel(job, &kexec, &why) < 0)
		log_warning("%s", str_or(why.text, "the installed kernel cannot be read"));
	r = boot_host(ways[i], kexec, tell_finish, NULL, err);
	kexec_free(kexec);
	return r;
}

int job_mark_on_disk(const struct held_disk *disk, char **ret, struct err *err)
{
	_cleanup_(record_done) struct record record = { 0 };
	struct layout layout;
	int r = write_find_host(disk, &layout, NULL) == 0 ? record_read(disk, &layout, &record, err) : 0;

	if (r == 0)
		*ret = TAKE_PTR(record.answers);
	return r;
}
