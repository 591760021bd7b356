/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-provisioner: reads its configuration and runs until it is told to stop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/program.h"
#include "daemon/banner.h"
#include "daemon/daemon.h"

#define DEFAULT_CONFIG "/etc/ingot/provisioner.json"
#define WORKERS 16

enum option_key { OPTION_CONFIG, OPTION_CHECK, OPTION_BANNER, OPTION_DEBUG, OPTION_COUNT };
static const struct program_option program_options[] = {
	[OPTION_CONFIG] = { "config", "FILE", "configuration (default " DEFAULT_CONFIG ")" },
	[OPTION_CHECK] = { "check", NULL, "check the configuration and exit" },
	[OPTION_BANNER] = { "banner", NULL, "print what the console of this host shows and exit" },
	[OPTION_DEBUG] = { "debug", NULL, "log more" },
	[OPTION_COUNT] = { NULL, NULL, NULL },
};

static const struct program_text sections[] = {
	{ "FIRST START",
	  "On its first start it makes its authority; the administrator's token, which it writes to STATE_DIR/admin.token "
	  "(mode 0600); and the user admin, whose random password it prints once and writes to "
	  "STATE_DIR/admin.initial-password (mode 0600), which is removed once the password is changed. If there is a file "
	  "STATE_DIR/admin.password of mode 0600, at this or any later start, its first line becomes the password of admin, "
	  "and the file is removed; STATE_DIR/admin.password-hash, with the password's hash as mkpasswd writes it, does the "
	  "same. With own_node in the configuration STATE_DIR/own-node.json hands the agent of this host what it joins by, "
	  "anew at each start until it has." },
	{ "SIGNALS",
	  "SIGTERM and SIGINT end it. What it was doing goes on at its next start; it may be killed at any time." },
	{ "FILES", DEFAULT_CONFIG ": the configuration, JSON; docs/configuration.md describes its fields." },
	{ NULL, NULL },
};

static const struct program program = {
	.name = "ingot-provisioner",
	.summary = "finds machines, deploys them and runs the cluster",
	.description = "Finds machines, deploys them and runs the cluster; serves the REST API.",
	.options = program_options,
	.sections = sections,
	.see_also = ".BR ingot (1),\n.BR ingot\\-agent (8)",
};

struct options {
	const char *config;
	bool check, banner;
};

static void set_option(void *data, unsigned option, const char *value)
{
	struct options *options = data;

	switch ((enum option_key)option) {
	case OPTION_CONFIG:
		options->config = value;
		break;
	case OPTION_CHECK:
		options->check = true;
		break;
	case OPTION_BANNER:
		options->banner = true;
		break;
	case OPTION_DEBUG:
		log_set_level(LOG_LEVEL_DEBUG);
		break;
	case OPTION_COUNT:
		break;
	}
}

static void on_stop(void *data)
{
	log_info("stopping");
	loop_quit(data, 0);
}

/* A connection is a descriptor, and there are as many as there are machines. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("the limit of descriptors stays: %s", strerror(errno));
}

static int run(const struct config *config)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct daemon *daemon = NULL;
	_cleanup_(loop_free_p) struct loop *loop = loop_new(WORKERS);
	struct loop_signal *term = loop_signal_new(loop, SIGTERM, on_stop, loop);
	struct loop_signal *interrupt = loop_signal_new(loop, SIGINT, on_stop, loop);
	signal(SIGPIPE, SIG_IGN);
	int code = 1;
	raise_descriptors();
	if (daemon_new(loop, config, &daemon, &err) < 0)
		log_error("%s", err.text);
	else
		code = loop_run(loop);
	daemon_free(daemon);
	loop_signal_free(term);
	loop_signal_free(interrupt);
	return code;
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct options options = { .config = DEFAULT_CONFIG };
	struct config config = { 0 };
	int code;

	switch (program_parse(&program, argc, argv, NULL, set_option, &options)) {
	case PROGRAM_DONE:
		return 0;
	case PROGRAM_WRONG:
		return err_meaning(ERR_INVALID)->exit_code;
	case PROGRAM_RUN:
		break;
	}
	if (config_load(options.config, &config, &err) < 0) {
		fprintf(stderr, "ingot-provisioner: %s\n", err.text);
		return 1;
	}
	if (options.check) {
		code = daemon_check(&config, &err) < 0;
		if (code)
			fprintf(stderr, "ingot-provisioner: %s: %s\n", options.config, err.text);
		else
			puts("the configuration is valid");
		config_done(&config);
		return code;
	}
	if (options.banner) {
		code = banner_print(&config, &err) < 0;
		if (code)
			fprintf(stderr, "ingot-provisioner: %s\n", err.text);
	} else {
		code = run(&config);
	}
	config_done(&config);
	return code;
}
