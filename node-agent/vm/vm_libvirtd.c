/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libvirt's daemon: its configuration, the certificates by which nodes trust each other, its start. */
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/user.h"
#include "daemon/daemon.h"
#include "vm/vm_priv.h"

#define TEXT_MAX_BYTES (16 * MIB)
#define AGENT_DIR "/var/lib/ingot/agent"
/* What the daemon that runs has read. */
#define READ_BY_DAEMON "/run/ingot/libvirtd.read"

/* What the agent keeps (core/renewal.h). */
enum kept { CA_CRT, AGENT_CRT, AGENT_KEY, GUESTS_CRT, GUESTS_KEY, KEPT };
static const char *const kept_names[KEPT] = {
	[CA_CRT] = "ca.crt",	     [AGENT_CRT] = "agent.crt",	  [AGENT_KEY] = "agent.key",
	[GUESTS_CRT] = "guests.crt", [GUESTS_KEY] = "guests.key",
};

/* Where libvirt (peer to peer) and QEMU (the memory's stream) look for it; the node is client and server alike. */
static const struct {
	enum kept kept;
	const char *to;
	bool guests; /* QEMU reads it, as another user */
	unsigned mode;
} certificates[] = {
	{ CA_CRT, "/etc/pki/CA/cacert.pem", false, 0644 },
	{ AGENT_CRT, "/etc/pki/libvirt/servercert.pem", false, 0644 },
	{ AGENT_KEY, "/etc/pki/libvirt/private/serverkey.pem", false, 0600 },
	{ AGENT_CRT, "/etc/pki/libvirt/clientcert.pem", false, 0644 },
	{ AGENT_KEY, "/etc/pki/libvirt/private/clientkey.pem", false, 0600 },
	{ CA_CRT, "/etc/pki/qemu/ca-cert.pem", false, 0644 },
	{ GUESTS_CRT, "/etc/pki/qemu/server-cert.pem", true, 0644 },
	{ GUESTS_KEY, "/etc/pki/qemu/server-key.pem", true, 0640 },
	{ GUESTS_CRT, "/etc/pki/qemu/client-cert.pem", true, 0644 },
	{ GUESTS_KEY, "/etc/pki/qemu/client-key.pem", true, 0640 },
};

struct qemu_user {
	uid_t uid;
	gid_t gid;
};

/* ---- files ---- */

static int set_owner(const char *path, uid_t uid, gid_t gid, unsigned mode, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set_errno(err, -errno, "%s", path);
	if (st.st_uid == uid && st.st_gid == gid && (st.st_mode & 07777) == mode)
		return 0;
	/* chown() takes set-id and sticky bits away. */
	if (chown(path, uid, gid) < 0 || chmod(path, (mode_t)mode) < 0)
		return err_set_errno(err, -errno, "cannot set the owner of %s", path);
	return 0;
}

/* Of root and the group, which may read it if the mode says so. */
static int write_if_other(struct part_run *run, const char *host_path, const char *text, gid_t gid, unsigned mode,
			  struct err *err)
{
	_cleanup_free_ char *path = part_run_path(run, "%s", host_path), *dir = xstrdup(path), *have = NULL;
	bool same;
	int r;

	r = read_file(path, TEXT_MAX_BYTES, &have, NULL);
	same = r == 0 && str_equal(have, text);
	if (have)
		wipe(have, strlen(have)); /* may be a key */
	if (same)
		return set_owner(path, 0, gid, mode, err);
	*strrchr(dir, '/') = '\0';
	r = mkdir_p(dir, 0755);
	if (r == 0)
		r = write_file_atomic(path, text, strlen(text), 0600);
	return r < 0 ? err_set_errno(err, r, "cannot write %s", path) : set_owner(path, 0, gid, mode, err);
}

/* ---- certificates ---- */

static void kept_done(char *(*texts)[KEPT])
{
	for (size_t i = 0; i < KEPT; i++) {
		if ((*texts)[i])
			wipe((*texts)[i], strlen((*texts)[i]));
		free((*texts)[i]);
	}
}

/* NULL in *ret if it is not there. */
static int read_kept(struct part_run *run, enum kept kept, char **ret, struct err *err)
{
	_cleanup_free_ char *path = part_run_path(run, AGENT_DIR "/%s", kept_names[kept]);
	int r = read_file(path, TEXT_MAX_BYTES, ret, NULL);

	*ret = r < 0 ? NULL : *ret;
	return r < 0 && r != -ENOENT ? err_set_errno(err, r, "cannot read %s", path) : 0;
}

/* The agent replaces a certificate together with its key: first the new certificate is laid beside, then the key is replaced,
 * then the certificate. Who saw the same before and after, and none laid beside, has a pair. */
static bool is_pair(struct part_run *run, enum kept crt, const char *seen)
{
	_cleanup_free_ char *beside = part_run_path(run, AGENT_DIR "/%s.new", kept_names[crt]), *now = NULL;

	return access(beside, F_OK) < 0 && read_kept(run, crt, &now, NULL) == 0 && str_equal(seen, now);
}

static int read_all_kept(struct part_run *run, char *(*texts)[KEPT], struct err *err)
{
	for (size_t i = 0; i < KEPT; i++) {
		int r = read_kept(run, (enum kept)i, &(*texts)[i], err);

		if (r < 0)
			return r;
		/* What concerns migrations only does not keep anything else from running. */
		if (!(*texts)[i] && i < GUESTS_CRT)
			return err_set(err, ERR_STATE, "this node has no %s yet", kept_names[i]);
	}
	if (!is_pair(run, AGENT_CRT, (*texts)[AGENT_CRT]) || !is_pair(run, GUESTS_CRT, (*texts)[GUESTS_CRT]))
		return err_set(err, ERR_STATE, "this node is just getting a new certificate");
	return 0;
}

/* read: what the daemon reads of them is added. */
static int write_certificates(struct part_run *run, const struct qemu_user *qemu, struct strbuf *read, struct err *err)
{
	_cleanup_(kept_done) char *texts[KEPT] = { 0 };
	int r = read_all_kept(run, &texts, err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(certificates); i++) {
		const char *text = texts[certificates[i].kept];

		if (text)
			r = write_if_other(run, certificates[i].to, text, certificates[i].guests ? qemu->gid : 0,
					   certificates[i].mode, err);
	}
	/* A certificate stands for its key. */
	if (r == 0)
		strbuf_addf(read, "%s%s", texts[CA_CRT], texts[AGENT_CRT]);
	return r;
}

static int write_configuration(struct part_run *run, const struct vm_members *members, bool direct, struct strbuf *read,
			       struct err *err)
{
	_cleanup_free_ char *libvirtd = vm_text_libvirtd(members), *qemu = vm_text_qemu(members, direct);
	int r = write_if_other(run, "/etc/libvirt/libvirtd.conf", libvirtd, 0, 0600, err);

	if (r == 0)
		r = write_if_other(run, "/etc/libvirt/qemu.conf", qemu, 0, 0600, err);
	strbuf_adds(read, libvirtd);
	strbuf_adds(read, qemu);
	return r;
}

static int make_folders(struct part_run *run, const struct qemu_user *qemu, struct err *err)
{
	const struct {
		const char *path;
		uid_t uid;
		gid_t gid;
		unsigned mode;
	} folders[] = {
		{ "/run/ingot", 0, 0, 0755 },
		{ VM_RUN_DIR, 0, 0, 0700 },
		/* Each may make sockets there, and remove its own. */
		{ VM_VNC_DIR, 0, qemu->gid, 01730 },
		{ VM_LOG_DIR, 0, 0, 0700 },
		{ "/var/lib/libvirt", 0, 0, 0755 },
		{ "/var/lib/libvirt/qemu", qemu->uid, qemu->gid, 0750 },
		{ "/var/log/libvirt/qemu", 0, 0, 0700 },
		{ "/var/cache/libvirt", 0, 0, 0711 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = part_run_path(run, "%s", folders[i].path);
		int r = mkdir_p(path, folders[i].mode & 0777);

		if (r < 0)
			return err_set_errno(err, r, "cannot make %s", path);
		r = set_owner(path, folders[i].uid, folders[i].gid, folders[i].mode, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the daemon ---- */

/* Whether what it has read is not what is there now, and it may be started anew. */
static bool wants_restart(struct part_run *run, struct vm_state *state, const char *read, bool busy)
{
	_cleanup_free_ char *path = part_run_path(run, READ_BY_DAEMON), *before = NULL;

	if (read_file(path, TEXT_MAX_BYTES, &before, NULL) < 0)
		before = xstrdup("");
	if (str_equal(before, read)) {
		state->restart_since_ms = 0;
		return false;
	}
	if (!state->restart_since_ms)
		state->restart_since_ms = monotonic_ms();
	return vm_restart_may(state, before, read, busy, monotonic_ms());
}

/* Started now, it reads what is there now. */
static int start_daemon(struct part_run *run, struct vm_state *state, const struct daemon *daemon, const char *read,
			struct err *err)
{
	_cleanup_free_ char *path = part_run_path(run, READ_BY_DAEMON);
	int r = daemon_driver_here()->start(daemon, err);

	if (r < 0)
		return r;
	state->restart_since_ms = 0;
	state->started_ms = monotonic_ms();
	r = write_file_atomic(path, read, strlen(read), 0600);
	return r < 0 ? err_set_errno(err, r, "cannot write %s", path) : 1;
}

static int ensure_daemon(struct part_run *run, struct vm_state *state, const char *read, bool busy, struct err *err)
{
	const struct daemon_driver *driver = daemon_driver_here();
	_cleanup_free_ char *pid_file = part_run_path(run, "/run/libvirtd.pid"), *why = NULL;
	const char *argv[] = { "libvirtd", "--daemon", "--listen", "--pid-file", pid_file, NULL };
	const struct daemon daemon = {
		.name = "libvirtd", .unit = "libvirtd.service", .argv = argv, .pid_file = pid_file
	};
	enum daemon_state daemon_state = DAEMON_STOPPED;
	bool restart = wants_restart(run, state, read, busy), runs;
	int r;

	/* Whom we are connected to runs; asking systemd would cost a process every few seconds. */
	if (!restart && vm_connected(state))
		return 0;
	r = driver->state(&daemon, &daemon_state, &why, err);
	if (r < 0)
		return r;
	runs = daemon_state == DAEMON_RUNNING || daemon_state == DAEMON_STARTING;
	if (runs && !restart)
		return 0;
	if (runs) {
		log_info("libvirtd is started anew: its configuration or certificate has changed");
		r = driver->stop(&daemon, err);
		if (r < 0)
			return r;
	}
	return start_daemon(run, state, &daemon, read, err);
}

int vm_libvirtd_ensure(struct part_run *run, struct vm_state *state, const struct vm_members *members, bool busy,
		       struct err *err)
{
	bool direct = daemon_driver_here() == &daemon_driver_direct;
	_cleanup_strbuf_ struct strbuf read = { 0 };
	struct qemu_user qemu;
	int r;

	if (user_find(VM_QEMU_USER, &qemu.uid, &qemu.gid) < 0)
		return err_set(err, ERR_INTERNAL, "this host has no user \"%s\", as which QEMU is to run",
			       VM_QEMU_USER);
	r = make_folders(run, &qemu, err);
	if (r == 0)
		r = write_configuration(run, members, direct, &read, err);
	if (r == 0)
		r = write_certificates(run, &qemu, &read, err);
	return r < 0 ? r : ensure_daemon(run, state, str_or(read.data, ""), busy, err);
}

/* ---- failures ---- */

static const struct {
	int error; /* virErrorNumber */
	enum err_code code;
} failures[] = {
	{ VIR_ERR_NO_DOMAIN, ERR_NOT_FOUND },	     { VIR_ERR_OPERATION_TIMEOUT, ERR_TIMEOUT },
	{ VIR_ERR_OPERATION_INVALID, ERR_STATE },    { VIR_ERR_NO_CONNECT, ERR_UNREACHABLE },
	{ VIR_ERR_SYSTEM_ERROR, ERR_INTERNAL },	     { VIR_ERR_CONFIG_UNSUPPORTED, ERR_UNSUPPORTED },
	{ VIR_ERR_MIGRATE_UNSAFE, ERR_UNSUPPORTED }, { VIR_ERR_OPERATION_ABORTED, ERR_CANCELLED },
	{ VIR_ERR_NO_MEMORY, ERR_CAPACITY },	     { VIR_ERR_RPC, ERR_UNREACHABLE },
};

int vm_fail(struct err *err, const char *fmt, ...)
{
	const virError *last = virGetLastError();
	enum err_code code = ERR_INTERNAL;
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	for (size_t i = 0; last && i < ARRAY_SIZE(failures); i++) {
		if (failures[i].error == last->code)
			code = failures[i].code;
	}
	return err_set(err, code, "%s: %s", what, last && last->message ? last->message : "libvirt does not say why");
}
