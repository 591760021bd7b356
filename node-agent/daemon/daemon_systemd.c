/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "daemon/daemon.h"

/* A start is waited for: under load a daemon takes its time, and systemd has deadlines of its own. */
#define START_DEADLINE_MS 330000
#define STOP_DEADLINE_MS 120000
#define ASK_DEADLINE_MS 30000

const struct daemon_driver *daemon_driver_here(void)
{
	return access("/run/systemd/system", F_OK) == 0 ? &daemon_driver_systemd : &daemon_driver_direct;
}

/* The value of a key, up to the end of its line; the caller frees. */
static char *property(const char *properties, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = properties; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		if (strncmp(line, key, len) == 0 && line[len] == '=')
			return xstrndup(line + len + 1, strcspn(line + len + 1, "\n"));
	}
	return xstrdup("");
}

static const struct {
	const char *active; /* ActiveState, see systemd's D-Bus interface, org.freedesktop.systemd1(5) */
	enum daemon_state state;
} active_states[] = {
	{ "active", DAEMON_RUNNING },	    { "reloading", DAEMON_RUNNING }, { "activating", DAEMON_STARTING },
	{ "deactivating", DAEMON_STOPPED }, { "inactive", DAEMON_STOPPED },  { "failed", DAEMON_FAILED },
};

enum daemon_state daemon_state_parse(const char *properties, char **ret_why)
{
	_cleanup_free_ char *active = property(properties, "ActiveState");
	_cleanup_free_ char *sub = property(properties, "SubState");
	_cleanup_free_ char *result = property(properties, "Result");
	enum daemon_state state = DAEMON_STOPPED;

	*ret_why = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(active_states); i++) {
		if (str_equal(active, active_states[i].active))
			state = active_states[i].state;
	}
	/* It died and systemd waits before it starts it again: that is no start under way. */
	if (str_equal(sub, "auto-restart"))
		state = DAEMON_FAILED;
	if (state == DAEMON_FAILED)
		*ret_why = xasprintf("systemd says %s", *result ? result : "failed");
	return state;
}

static int systemd_state(const struct daemon *daemon, enum daemon_state *ret, char **ret_why, struct err *err)
{
	_cleanup_free_ char *out = NULL;
	int r = cmd_outputl(err, ASK_DEADLINE_MS, &out, "systemctl", "show", "--property=ActiveState,SubState,Result",
			    daemon->unit, NULL);

	if (r < 0)
		return r;
	*ret = daemon_state_parse(out, ret_why);
	return 0;
}

static int systemd_start(const struct daemon *daemon, struct err *err)
{
	int r;

	/* Forgets earlier failures; otherwise the limit on starts of the unit refuses this one. */
	cmd_runl(NULL, ASK_DEADLINE_MS, "systemctl", "reset-failed", daemon->unit, NULL);
	r = cmd_runl(err, START_DEADLINE_MS, "systemctl", "start", daemon->unit, NULL);
	if (r < 0)
		return err_prefix(err, "%s does not start", daemon->name);
	return 0;
}

static int systemd_stop(const struct daemon *daemon, struct err *err)
{
	int r = cmd_runl(err, STOP_DEADLINE_MS, "systemctl", "stop", daemon->unit, NULL);

	if (r < 0)
		return err_prefix(err, "%s does not stop", daemon->name);
	return 0;
}

const struct daemon_driver daemon_driver_systemd = {
	.name = "systemd",
	.state = systemd_state,
	.start = systemd_start,
	.stop = systemd_stop,
};
