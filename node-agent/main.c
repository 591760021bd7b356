/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-agent: what runs on a machine, in the live image, on a node and from the installation medium. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "base/program.h"
#include "core/agent.h"
#include "installer/installer.h"
#include "inventory/inventory.h"
#include "parts.h"

#define TIDY_MS 60000
#define GRACE_MS 10000
#define STATE_DIR "/var/lib/ingot/agent"
#define PLUGIN_DIR "/usr/lib/ingot"
#define MEDIUM_DIR "/run/ingot/medium"

struct options {
	unsigned mode;
	const char *state, *sysroot, *prefix, *plugins;
	struct installer_options install;
	bool debug;
};

#define MODE_INSTALL 0 /* runs no parts */
static const unsigned modes[] = { PART_LIVE, PART_NODE, MODE_INSTALL };
static const struct program_text commands[] = {
	{ "live", "in the live image: report the machine, install it" },
	{ "node", "on a node: enroll, then do what the cluster asks" },
	{ "install", "install this machine from a medium, by screens or by an answer file (--answers)" },
	{ NULL, NULL },
};
_Static_assert(ARRAY_SIZE(commands) == ARRAY_SIZE(modes) + 1, "a mode for each command");

enum option_key {
	OPTION_STATE,
	OPTION_PLUGINS,
	OPTION_SYSROOT,
	OPTION_PREFIX,
	OPTION_ANSWERS,
	OPTION_MEDIUM,
	OPTION_CHECK,
	OPTION_DEBUG,
	OPTION_COUNT
};
static const struct program_option program_options[] = {
	[OPTION_STATE] = { "state", "DIR", "identity.json, key and certificate of a node (default " STATE_DIR ")" },
	[OPTION_PLUGINS] = { "plugins", "DIR", "parts as shared objects (default " PLUGIN_DIR ")" },
	[OPTION_SYSROOT] = { "sysroot", "DIR", "read DIR/sys, DIR/proc and DIR/dev (for tests)" },
	[OPTION_PREFIX] = { "prefix", "DIR", "put DIR before every path written (for tests)" },
	[OPTION_ANSWERS] = { "answers", "FILE|URL", "install: by this answer file (docs/answers.md)" },
	[OPTION_MEDIUM] = { "medium", "DIR", "install: where the medium is mounted (default " MEDIUM_DIR ")" },
	[OPTION_CHECK] = { "check", "FILE", "install: say whether an answer file is right, and do nothing else" },
	[OPTION_DEBUG] = { "debug", NULL, "log more" },
	[OPTION_COUNT] = { NULL, NULL, NULL },
};

static const struct program_text sections[] = {
	{ "SIGNALS",
	  "SIGTERM and SIGINT end it. Virtual machines and Ceph daemons that it started go on without it; the next "
	  "one finds them." },
	{ "FILES", STATE_DIR
	  "/identity.json: what the installer left for this node: server, authority and a token that is good once; "
	  "of a machine that joins, a join token and what it tells of itself; on the provisioner's own host, the "
	  "file in which the provisioner hands all that over (handover). Beside it stand the node's key and "
	  "certificate, and guests.crt, which its virtual machines show when they move." },
	{ NULL, NULL },
};

static const struct program program = {
	.name = "ingot-agent",
	.summary = "agent of a machine in an Ingot cluster",
	.description = "Runs in the live image, on every node, and from the installation medium (install).",
	.commands = commands,
	.options = program_options,
	.sections = sections,
	.see_also = ".BR ingot (1),\n.BR ingot\\-provisioner (8)",
};

static void set_option(void *data, unsigned option, const char *value)
{
	struct options *o = data;

	switch ((enum option_key)option) {
	case OPTION_STATE:
		o->state = value;
		break;
	case OPTION_PLUGINS:
		o->plugins = value;
		break;
	case OPTION_SYSROOT:
		o->sysroot = value;
		break;
	case OPTION_PREFIX:
		o->prefix = value;
		break;
	case OPTION_ANSWERS:
		o->install.answers = value;
		break;
	case OPTION_MEDIUM:
		o->install.medium = value;
		break;
	case OPTION_CHECK:
		o->install.check = value;
		break;
	case OPTION_DEBUG:
		o->debug = true;
		break;
	case OPTION_COUNT:
		break;
	}
}

static void stop(void *data)
{
	struct agent **agent = data;

	if (*agent)
		agent_stop(*agent, GRACE_MS);
}

/* Many threads that do little: one heap, and what is freed goes back. */
static void keep_memory_small(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

struct tidying {
	struct loop *loop;
	struct loop_timer *timer;
};

/* What libraries free between what they keep does not go back by itself: libvirt's answers are long texts. */
static void tidy_memory(void *data)
{
	struct tidying *tidying = data;

	malloc_trim(0);
	tidying->timer = loop_timer_new(tidying->loop, TIDY_MS, tidy_memory, tidying);
}

static int run(const struct options *o)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ const struct part **parts = NULL;
	struct loop_signal *terminate, *interrupt;
	struct tidying tidying = { 0 };
	struct agent *agent = NULL;
	struct loop *loop;
	unsigned count;
	int code;

	parts = parts_load(o->mode, o->plugins, &count);
	/* A part that hangs has its own worker and holds up no other; one more for what is no part. */
	loop = loop_new(count + 1);
	/* Before the first worker: threads inherit what is blocked. */
	terminate = loop_signal_new(loop, SIGTERM, stop, &agent);
	interrupt = loop_signal_new(loop, SIGINT, stop, &agent);
	if (agent_new(&(struct agent_spec){ .loop = loop,
					    .mode = o->mode,
					    .parts = parts,
					    .sysroot = o->sysroot,
					    .prefix = o->prefix,
					    .introduce = o->mode == PART_NODE ? inventory_join : inventory_hello,
					    .state_dir = o->mode == PART_NODE ? o->state : NULL },
		      &agent, &err) < 0) {
		log_error("%s", str_or(err.text, "cannot start"));
		loop_free(loop);
		return err_meaning(err.code)->exit_code;
	}
	tidying = (struct tidying){ loop, loop_timer_new(loop, TIDY_MS, tidy_memory, &tidying) };
	code = loop_run(loop);
	loop_timer_free(tidying.timer);
	/* A part that does not end still uses all of this. */
	if (code != 0)
		_Exit(code);
	loop_signal_free(terminate);
	loop_signal_free(interrupt);
	agent_free(agent);
	loop_free(loop);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .state = STATE_DIR, .plugins = PLUGIN_DIR, .install.medium = MEDIUM_DIR };
	unsigned command;

	switch (program_parse(&program, argc, argv, &command, set_option, &o)) {
	case PROGRAM_DONE:
		return 0;
	case PROGRAM_WRONG:
		return err_meaning(ERR_INVALID)->exit_code;
	case PROGRAM_RUN:
		o.mode = modes[command];
	}
	keep_memory_small();
	signal(SIGPIPE, SIG_IGN);
	log_set_level(o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (o.mode != MODE_INSTALL)
		return run(&o);
	o.install.sysroot = str_or(o.sysroot, "");
	o.install.prefix = str_or(o.prefix, "");
	return installer_run(&o.install);
}
