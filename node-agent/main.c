/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-agent: what runs on a machine, in the live image and on a node. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "core/agent.h"
#include "inventory/inventory.h"
#include "parts.h"

#define GRACE_MS 10000
#define STATE_DIR "/var/lib/ingot/agent"
#define PLUGIN_DIR "/usr/lib/ingot"

struct options {
	unsigned mode;
	const char *state, *sysroot, *prefix, *plugins;
	bool debug;
};

static const struct {
	const char *word;
	unsigned mode;
	const char *help;
} modes[] = {
	{ "live", PART_LIVE, "in the live image: report the machine, install it" },
	{ "node", PART_NODE, "on a node: enroll, then do what the cluster asks" },
};

enum option_key { OPTION_STATE = 256, OPTION_SYSROOT, OPTION_PREFIX, OPTION_PLUGINS, OPTION_DEBUG };
static const struct {
	struct option option;
	const char *argument, *help;
} options[] = {
	{ { "state", required_argument, NULL, OPTION_STATE },
	  "DIR",
	  "identity.json, key and certificate of a node (default " STATE_DIR ")" },
	{ { "plugins", required_argument, NULL, OPTION_PLUGINS },
	  "DIR",
	  "parts as shared objects (default " PLUGIN_DIR ")" },
	{ { "sysroot", required_argument, NULL, OPTION_SYSROOT },
	  "DIR",
	  "read DIR/sys, DIR/proc and DIR/dev (for tests)" },
	{ { "prefix", required_argument, NULL, OPTION_PREFIX },
	  "DIR",
	  "put DIR before every path written (for tests)" },
	{ { "debug", no_argument, NULL, OPTION_DEBUG }, "", "say more" },
};

static void print_help(void)
{
	printf("The agent of a machine in an Ingot cluster.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		printf("  ingot-agent %s [OPTION]...\n      %s\n", modes[i].word, modes[i].help);
	printf("\nOptions:\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		printf("  --%s%s%s\n      %s\n", options[i].option.name, *options[i].argument ? " " : "",
		       options[i].argument, options[i].help);
	printf("  --help, --version\n");
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	struct option table[ARRAY_SIZE(options) + 1] = { 0 };
	int c;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		table[i] = options[i].option;
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case OPTION_STATE:
			ret->state = optarg;
			break;
		case OPTION_SYSROOT:
			ret->sysroot = optarg;
			break;
		case OPTION_PREFIX:
			ret->prefix = optarg;
			break;
		case OPTION_PLUGINS:
			ret->plugins = optarg;
			break;
		case OPTION_DEBUG:
			ret->debug = true;
			break;
		default:
			return -EINVAL; /* getopt has said what is wrong */
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ingot-agent: unexpected \"%s\"; see ingot-agent --help\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
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

static int run(const struct options *o)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ const struct part **parts = NULL;
	struct loop_signal *terminate, *interrupt;
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
					    .introduce = inventory_hello,
					    .state_dir = o->mode == PART_NODE ? o->state : NULL },
		      &agent, &err) < 0) {
		log_error("%s", str_or(err.text, "cannot start"));
		loop_free(loop);
		return err_meaning(err.code)->exit_code;
	}
	code = loop_run(loop);
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
	struct options o = { .state = STATE_DIR, .plugins = PLUGIN_DIR };
	const char *word = argc > 1 ? argv[1] : "";

	if (str_equal(word, "--help") || str_equal(word, "-h") || str_equal(word, "help")) {
		print_help();
		return 0;
	}
	if (str_equal(word, "--version")) {
		printf("ingot-agent %s\n", INGOT_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (str_equal(modes[i].word, word))
			o.mode = modes[i].mode;
	}
	if (!o.mode) {
		fprintf(stderr, "ingot-agent: %s%s; say live or node, see ingot-agent --help\n",
			*word ? "unknown command " : "no command given", word);
		return err_meaning(ERR_INVALID)->exit_code;
	}
	if (parse_options(argc - 1, argv + 1, &o) < 0)
		return err_meaning(ERR_INVALID)->exit_code;
	keep_memory_small();
	signal(SIGPIPE, SIG_IGN);
	log_set_level(o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	return run(&o);
}
