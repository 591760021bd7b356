/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What mon, mgr and OSD have in common: files of the user "ceph", a start, and a question whether it works. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ceph/ceph_node_priv.h"

#define ASOK_DEADLINE_MS 5000

char *ceph_node_path(const struct ceph_node *node, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = xvasprintf(fmt, ap);
	va_end(ap);
	return part_run_path(node->run, "%s", path);
}

int ceph_node_write(const struct ceph_node *node, const char *path, const char *text, unsigned mode, bool owner_ceph,
		    struct err *err)
{
	_cleanup_free_ char *have = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) < 0 || (st.st_mode & 07777) != mode || read_file(path, MIB, &have, NULL) < 0 ||
	    !str_equal(have, text)) {
		r = write_file_atomic(path, text, strlen(text), mode);
		if (r < 0)
			return err_set_errno(err, r, "cannot write %s", path);
	}
	if (owner_ceph && chown(path, node->uid, node->gid) < 0)
		return err_set_errno(err, -errno, "cannot give %s to the user ceph", path);
	return 0;
}

int ceph_node_mkdir(const struct ceph_node *node, const char *path, struct err *err)
{
	int r = mkdir_p(path, 0750);

	if (r < 0)
		return err_set_errno(err, r, "cannot make %s", path);
	if (chown(path, node->uid, node->gid) < 0)
		return err_set_errno(err, -errno, "cannot give %s to the user ceph", path);
	return 0;
}

static const char *const state_names[] = {
	[CEPH_ABSENT] = "absent",
	[CEPH_STARTING] = "starting",
	[CEPH_RUNNING] = "running",
	[CEPH_FAILED] = "failed",
};

const char *ceph_daemon_state_name(enum ceph_daemon_state state)
{
	return state_names[state];
}

/* ---- a daemon as both drivers need it described ---- */

struct described {
	char *name, *unit, *program, *pid_file;
	const char *argv[11];
	struct daemon daemon;
};

static void described_done(struct described *d)
{
	free(d->name);
	free(d->unit);
	free(d->program);
	free(d->pid_file);
}

static void describe(const struct ceph_node *node, const struct ceph_daemon *daemon, struct described *d)
{
	d->name = xasprintf("ceph-%s.%s", daemon->type, daemon->id);
	d->unit = xasprintf("ceph-%s@%s.service", daemon->type, daemon->id);
	d->program = xasprintf("ceph-%s", daemon->type);
	d->pid_file = ceph_node_path(node, "/run/ceph/%s.%s.pid", daemon->type, daemon->id);
	/* As the units of the Debian package call it, but for the pid file. */
	const char *argv[] = { d->program,   "--id", daemon->id,   "--setuser", "ceph",
			       "--setgroup", "ceph", "--pid-file", d->pid_file, NULL };

	memcpy(d->argv, argv, sizeof(argv));
	d->daemon = (struct daemon){ .name = d->name, .unit = d->unit, .argv = d->argv, .pid_file = d->pid_file };
}

static bool answers(const struct ceph_node *node, const struct ceph_daemon *daemon)
{
	_cleanup_free_ char *path = ceph_node_path(node, "/run/ceph/ceph-%s.%s.asok", daemon->type, daemon->id);
	_cleanup_json_ json_t *answer = NULL;

	return ceph_asok(path, daemon->question, ASOK_DEADLINE_MS, &answer) == 0 && daemon->answer_good(answer);
}

/* The last thing it wrote before it ended, where it writes to a file; the caller frees, NULL if there is nothing. */
static char *last_words(const struct ceph_node *node, const struct ceph_daemon *daemon)
{
	_cleanup_free_ char *path = ceph_node_path(node, "/var/log/ceph/ceph-%s.%s.log", daemon->type, daemon->id);

	return access(path, F_OK) == 0 ? xasprintf("see %s", path) : NULL;
}

enum ceph_daemon_state ceph_daemon_run(const struct ceph_node *node, const struct ceph_daemon *daemon, struct err *err)
{
	_cleanup_(described_done) struct described d = { 0 };
	_cleanup_free_ char *why = NULL, *words = NULL;
	enum daemon_state state = DAEMON_STOPPED;
	bool started = false;

	/* Most of the time it works, and says so itself: cheaper than asking systemd. */
	if (answers(node, daemon))
		return CEPH_RUNNING;
	describe(node, daemon, &d);
	if (node->driver->state(&d.daemon, &state, &why, err) < 0)
		return CEPH_FAILED;
	if (state == DAEMON_STOPPED || state == DAEMON_FAILED) {
		if (daemon->prepare(node, daemon->osd, err) < 0 || node->driver->start(&d.daemon, err) < 0)
			return CEPH_FAILED;
		started = true;
		free(TAKE_PTR(why));
		if (node->driver->state(&d.daemon, &state, &why, err) < 0)
			return CEPH_FAILED;
	}
	if (state == DAEMON_STOPPED || state == DAEMON_FAILED) {
		words = last_words(node, daemon);
		err_set(err, ERR_INTERNAL, "%s ends as soon as it is started: %s", d.name,
			why ? why : str_or(words, "it says nothing"));
		return CEPH_FAILED;
	}
	return started && state == DAEMON_RUNNING && answers(node, daemon) ? CEPH_RUNNING : CEPH_STARTING;
}
