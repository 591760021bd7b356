/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dnsmasq as a supervised child: its files, its life, its leases. Loop thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "netboot_priv.h"

#define DNSMASQ "/usr/sbin/dnsmasq"
#define TEST_MS 5000
#define STALE_MS 2000
#define RESTART_MS 15000 /* after the service gave up */
#define LINE_MAX_BYTES 512

struct dnsmasq {
	struct loop *loop;
	char *run_dir, *config_path;
	const char *user_option; /* NULL: it drops to a user of its own */
	struct service *service;
	struct loop_timer *restart;
	char *health;
	int fifo;
	struct loop_io *fifo_io;
	struct strbuf line;
	lease_fn lease;
	void *data;
};

/* ---- files ---- */

static int put_file(const char *dir, const char *name, const char *text, unsigned mode, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	int r = write_file_atomic(path, text, strlen(text), mode);

	return r < 0 ? err_set_errno(err, r, "cannot write %s", path) : 0;
}

/* An empty folder: reservations come anew at each start from who stores them, and those left from before may be of
 * machines that are gone. */
static int make_reservations_dir(const char *run_dir, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/reservations", run_dir);
	int r = mkdir_p(path, 0755);
	DIR *dir = r < 0 ? NULL : opendir(path);

	if (!dir)
		return err_set_errno(err, r < 0 ? r : -errno, "cannot make %s", path);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
	return 0;
}

/* We hold both ends: the lease script never waits for a reader, and we never read an end of file. */
static int open_fifo(struct dnsmasq *d, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/leases.fifo", d->run_dir);

	if (unlink(path) < 0 && errno != ENOENT)
		return err_set_errno(err, -errno, "cannot replace %s", path);
	if (mkfifo(path, 0600) < 0)
		return err_set_errno(err, -errno, "cannot make %s", path);
	d->fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (d->fifo < 0)
		return err_set_errno(err, -errno, "cannot open %s", path);
	return 0;
}

/* dnsmasq drops its privileges and then reads reservations and boot loaders, so another user must get there. In a
 * developer's home (mode 0700) it cannot, and keeps running as root. */
static bool reachable_by_others(const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);

	for (;;) {
		char *slash = strrchr(copy, '/');
		struct stat st;

		if (stat(*copy ? copy : "/", &st) < 0 || !(st.st_mode & S_IXOTH))
			return false;
		if (!slash)
			return true;
		*slash = '\0';
	}
}

/* ---- one that a killed predecessor left ---- */

/* The kernel's "die with the parent" is lost when dnsmasq changes its user or group (prctl(2)), so it is looked for by
 * its pid file. */
static bool is_ours(pid_t pid, const char *config_path)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/cmdline", (int)pid);
	_cleanup_free_ char *line = NULL;
	size_t len;

	if (read_file(path, 4096, &line, &len) < 0)
		return false;
	for (size_t at = 0; at < len; at += strlen(line + at) + 1) {
		if (str_equal(line + at, config_path))
			return true;
	}
	return false;
}

static int end_stale(const struct dnsmasq *d, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/dnsmasq.pid", d->run_dir);
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int pidfd = -1;
	struct pollfd wait = { .events = POLLIN };
	int64_t pid;

	if (read_file(path, 32, &text, NULL) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (parse_i64(text, 2, INT32_MAX, &pid) < 0)
		return 0;
	/* First the handle, then the look: what the look saw is what the signal reaches. */
	pidfd = pidfd_open((pid_t)pid, 0);
	if (pidfd < 0 || !is_ours((pid_t)pid, d->config_path))
		return 0;
	log_info("netboot: ending dnsmasq %d that an earlier run left", (int)pid);
	wait.fd = pidfd;
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 || poll(&wait, 1, STALE_MS) <= 0)
		return err_set(err, ERR_INTERNAL, "dnsmasq %d of an earlier run does not end", (int)pid);
	return 0;
}

/* ---- leases ---- */

static void on_lease_line(struct dnsmasq *d, const char *line)
{
	struct lease_news news;

	if (lease_news_parse(line, &news))
		d->lease(&news.mac, news.address, news.expires_s, news.ended, d->data);
}

static void on_fifo(int fd, uint32_t events, void *data)
{
	struct dnsmasq *d = data;
	char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n <= 0)
		return;
	strbuf_add(&d->line, buffer, (size_t)n);
	for (char *end; d->line.len > 0 && (end = memchr(d->line.data, '\n', d->line.len));) {
		*end = '\0';
		on_lease_line(d, d->line.data);
		strbuf_remove_front(&d->line, (size_t)(end - d->line.data) + 1);
	}
	if (d->line.len > LINE_MAX_BYTES)
		strbuf_remove_front(&d->line, d->line.len);
}

/* ---- its life ---- */

static void start_service(struct dnsmasq *d);

static void on_restart(void *data)
{
	struct dnsmasq *d = data;

	d->restart = NULL;
	d->service = service_free(d->service);
	start_service(d);
}

static void on_changed(struct service *service, enum service_state state, void *data)
{
	struct dnsmasq *d = data;
	const char *last_end = str_or(service_last_end(service), "it does not start");

	free(d->health);
	d->health = state == SERVICE_RUNNING ? xstrdup("running") : xasprintf("dnsmasq keeps ending: %s", last_end);
	if (state != SERVICE_RUNNING)
		log_warning("netboot: dnsmasq ended: %s", last_end);
	/* What kept it from running may pass: an interface that is down, an address not yet set. */
	if (state == SERVICE_FAILED && !d->restart)
		d->restart = loop_timer_new(d->loop, RESTART_MS, on_restart, d);
}

static void start_service(struct dnsmasq *d)
{
	const char *const argv[] = { DNSMASQ, "--keep-in-foreground", "-C", d->config_path, d->user_option, NULL };
	struct service_spec spec = {
		.name = "dnsmasq",
		.argv = argv,
		.backoff_first_ms = 200,
		.backoff_max_ms = 5000,
		/* Its ports and DHCP's broadcasts; of all our children it alone needs any (ingot-provisioner.service). */
		.keep_capabilities = true,
		.changed = on_changed,
		.data = d,
	};

	d->service = service_new(d->loop, &spec);
	on_changed(d->service, service_state(d->service), d);
}

static int prepare(struct dnsmasq *d, const struct netboot_spec *spec, struct err *err)
{
	_cleanup_free_ char *config = netboot_dnsmasq_config(spec);
	int r = mkdir_p(spec->run_dir, 0755);

	if (r < 0)
		return err_set_errno(err, r, "cannot make %s", spec->run_dir);
	r = put_file(spec->run_dir, "dnsmasq.conf", config, 0644, err);
	if (r == 0)
		r = put_file(spec->run_dir, "lease.sh", template_lease_sh, 0755, err);
	if (r == 0)
		r = cmd_runl(err, TEST_MS, DNSMASQ, "--test", "-C", d->config_path, NULL);
	if (r == 0)
		r = end_stale(d, err);
	if (r == 0)
		r = make_reservations_dir(spec->run_dir, err);
	if (r == 0)
		r = open_fifo(d, err);
	if (r == 0 && (!reachable_by_others(spec->run_dir) || !reachable_by_others(spec->loader_dir))) {
		log_warning("netboot: dnsmasq runs as root: other users cannot reach %s or %s", spec->run_dir,
			    spec->loader_dir);
		d->user_option = "--user=root";
	}
	return r;
}

int dnsmasq_start(const struct netboot_spec *spec, lease_fn lease, void *data, struct dnsmasq **ret, struct err *err)
{
	struct dnsmasq *d = new0(struct dnsmasq, 1);
	int r;

	d->loop = spec->loop;
	d->run_dir = xstrdup(spec->run_dir);
	d->config_path = xasprintf("%s/dnsmasq.conf", spec->run_dir);
	d->fifo = -1;
	d->lease = lease;
	d->data = data;
	r = prepare(d, spec, err);
	if (r < 0) {
		dnsmasq_free(d);
		return r;
	}
	d->fifo_io = loop_io_new(spec->loop, d->fifo, EPOLLIN, on_fifo, d);
	start_service(d);
	*ret = d;
	return 0;
}

struct dnsmasq *dnsmasq_free(struct dnsmasq *d)
{
	if (!d)
		return NULL;
	loop_timer_free(d->restart);
	service_free(d->service);
	loop_io_free(d->fifo_io);
	close_fd(d->fifo);
	strbuf_done(&d->line);
	free(d->health);
	free(d->config_path);
	free(d->run_dir);
	free(d);
	return NULL;
}

const char *dnsmasq_health(const struct dnsmasq *d)
{
	return d->health;
}

/* ---- reservations ---- */

int dnsmasq_reserve(struct dnsmasq *d, const struct mac *mac, const char *text, bool changed, struct err *err)
{
	_cleanup_free_ char *name = mac_format(mac, '-');
	_cleanup_free_ char *path = xasprintf("%s/reservations/%s", d->run_dir, name);
	_cleanup_free_ char *draft = xasprintf("%s/reservation.draft", d->run_dir);
	_cleanup_close_ int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	int r = 0;

	/* Not synced: it is written anew at each start. */
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		r = errno ? -errno : -EIO;
	/* dnsmasq watches the folder and reads whatever appears there, so it appears whole and under one name. */
	if (r == 0 && rename(draft, path) < 0)
		r = -errno;
	if (r < 0)
		return err_set_errno(err, r, "cannot write %s", path);
	/* What it has read it keeps; only SIGHUP makes it forget the former content. */
	if (changed && service_signal(d->service, SIGHUP) < 0)
		log_debug("netboot: dnsmasq does not run; it reads the reservations when it starts");
	return 0;
}
