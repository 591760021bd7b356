/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libvirt's daemon: its configuration, the certificates by which nodes trust each other, its start. */
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/user.h"
#include "daemon/daemon.h"
#include "vm/vm_priv.h"

#define PEM_MAX_BYTES (256 * KIB)
/* Debian's default for QEMU, looked up even where another one is configured. */
#define LIBVIRT_USER "libvirt-qemu"
#define AGENT_DIR "/var/lib/ingot/agent"

/* Both files say all that we need and replace what a package or the image brought. */
static const char libvirtd_conf[] = "# Written by ingot-agent; changes are overwritten.\n"
				    "listen_tls = 1\n"
				    "listen_tcp = 0\n"
				    "auth_tls = \"none\"\n"
				    "unix_sock_ro_perms = \"0700\"\n"
				    "unix_sock_rw_perms = \"0700\"\n"
				    "unix_sock_admin_perms = \"0700\"\n"
				    "auth_unix_ro = \"none\"\n"
				    "auth_unix_rw = \"none\"\n"
				    "host_uuid_source = \"machine-id\"\n"
				    "keepalive_interval = 5\n"
				    "keepalive_count = 5\n";
static const char qemu_conf[] = "# Written by ingot-agent; changes are overwritten.\n"
				"user = \"root\"\n"
				"group = \"root\"\n"
				"dynamic_ownership = 0\n"
				"remember_owner = 0\n"
				"security_driver = \"none\"\n"
				"namespaces = [ ]\n"
				"stdio_handler = \"file\"\n"
				"max_core = 0\n"
				"keepalive_interval = 5\n"
				"keepalive_count = 5\n"
				"migrate_tls_x509_verify = 1\n";
/* On a host: RBD keeps a connection to each OSD. */
static const char qemu_conf_systemd[] = "max_files = 32768\n";
/* Without systemd nobody has set up groups for us, nor raised limits. */
static const char qemu_conf_direct[] = "cgroup_controllers = [ ]\n";

/* Where the agent keeps them, and where libvirt (peer to peer) and QEMU (the memory's stream) look for them; the node is
 * client and server alike. */
static const struct {
	const char *from, *to;
	unsigned mode;
} certificates[] = {
	{ "ca.crt", "/etc/pki/CA/cacert.pem", 0644 },
	{ "agent.crt", "/etc/pki/libvirt/servercert.pem", 0644 },
	{ "agent.key", "/etc/pki/libvirt/private/serverkey.pem", 0600 },
	{ "agent.crt", "/etc/pki/libvirt/clientcert.pem", 0644 },
	{ "agent.key", "/etc/pki/libvirt/private/clientkey.pem", 0600 },
	{ "ca.crt", "/etc/pki/qemu/ca-cert.pem", 0644 },
	{ "agent.crt", "/etc/pki/qemu/server-cert.pem", 0644 },
	{ "agent.key", "/etc/pki/qemu/server-key.pem", 0600 },
	{ "agent.crt", "/etc/pki/qemu/client-cert.pem", 0644 },
	{ "agent.key", "/etc/pki/qemu/client-key.pem", 0600 },
};

/* 1 if it was another one, 0 if it is there already. */
static int write_if_other(struct part_run *run, const char *host_path, const char *text, unsigned mode, struct err *err)
{
	_cleanup_free_ char *path = part_run_path(run, "%s", host_path), *dir = xstrdup(path), *have = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && (st.st_mode & 07777) == mode && read_file(path, PEM_MAX_BYTES, &have, NULL) == 0 &&
	    str_equal(have, text))
		return 0;
	*strrchr(dir, '/') = '\0';
	r = mkdir_p(dir, 0755);
	if (r == 0)
		r = write_file_atomic(path, text, strlen(text), mode);
	return r < 0 ? err_set_errno(err, r, "cannot write %s", path) : 1;
}

static int write_certificates(struct part_run *run, struct err *err)
{
	int changed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(certificates); i++) {
		_cleanup_free_ char *from = part_run_path(run, AGENT_DIR "/%s", certificates[i].from), *text = NULL;
		int r = read_file(from, PEM_MAX_BYTES, &text, NULL);

		if (r == -ENOENT)
			return err_set(err, ERR_STATE, "this node has no %s yet", from);
		if (r < 0)
			return err_set_errno(err, r, "cannot read %s", from);
		r = write_if_other(run, certificates[i].to, text, certificates[i].mode, err);
		wipe(text, strlen(text));
		if (r < 0)
			return r;
		changed |= r;
	}
	return changed;
}

static int write_configuration(struct part_run *run, bool direct, struct err *err)
{
	_cleanup_free_ char *qemu = xasprintf("%s%s", qemu_conf, direct ? qemu_conf_direct : qemu_conf_systemd);
	int a = write_if_other(run, "/etc/libvirt/libvirtd.conf", libvirtd_conf, 0600, err);
	int b = a < 0 ? a : write_if_other(run, "/etc/libvirt/qemu.conf", qemu, 0600, err);

	return b < 0 ? b : a | b;
}

static int make_folders(struct part_run *run, struct err *err)
{
	static const struct {
		const char *path;
		unsigned mode;
	} folders[] = {
		{ VM_RUN_DIR, 0700 },
		{ VM_LOG_DIR, 0700 },
		{ "/var/lib/libvirt/qemu", 0750 },
		{ "/var/log/libvirt/qemu", 0700 },
		{ "/var/cache/libvirt", 0711 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = part_run_path(run, "%s", folders[i].path);
		int r = mkdir_p(path, folders[i].mode);

		if (r < 0)
			return err_set_errno(err, r, "cannot make %s", path);
	}
	return 0;
}

int vm_libvirtd_ensure(struct part_run *run, bool connected, struct err *err)
{
	const struct daemon_driver *driver = daemon_driver_here();
	_cleanup_free_ char *pid_file = part_run_path(run, "/run/libvirtd.pid"), *why = NULL;
	const char *argv[] = { "libvirtd", "--daemon", "--listen", "--pid-file", pid_file, NULL };
	const struct daemon daemon = {
		.name = "libvirtd", .unit = "libvirtd.service", .argv = argv, .pid_file = pid_file
	};
	enum daemon_state state = DAEMON_STOPPED;
	int configured, certified, r = make_folders(run, err);

	if (r < 0)
		return r;
	if (user_find(LIBVIRT_USER, &(uid_t){ 0 }, &(gid_t){ 0 }) < 0)
		return err_set(err, ERR_INTERNAL, "this host has no user \"%s\", without which libvirt does not start",
			       LIBVIRT_USER);
	configured = write_configuration(run, driver == &daemon_driver_direct, err);
	certified = configured < 0 ? configured : write_certificates(run, err);
	if (certified < 0)
		return certified;
	/* Whom we are connected to runs; asking systemd would cost a process every few seconds. */
	if (connected && !configured && !certified)
		return 0;
	r = driver->state(&daemon, &state, &why, err);
	if (r < 0)
		return r;
	/* It reads them when it starts; virtual machines do not mind. */
	if ((configured || certified) && (state == DAEMON_RUNNING || state == DAEMON_STARTING)) {
		r = driver->stop(&daemon, err);
		state = DAEMON_STOPPED;
	}
	if (r < 0 || state == DAEMON_RUNNING || state == DAEMON_STARTING)
		return r;
	r = driver->start(&daemon, err);
	return r < 0 ? r : 1;
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
