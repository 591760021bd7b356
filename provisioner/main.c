/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-provisioner: reads its configuration and runs until it is told to stop. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "daemon/banner.h"
#include "daemon/daemon.h"

#define DEFAULT_CONFIG "/etc/ingot/provisioner.json"
#define WORKERS 16

static const char usage[] = "Usage: ingot-provisioner [--config FILE] [--check | --banner] [--debug]\n"
			    "\n"
			    "Finds machines, deploys them and runs the cluster; serves the REST API.\n"
			    "\n"
			    "  --config FILE  configuration (default: " DEFAULT_CONFIG ")\n"
			    "  --check        check the configuration and exit\n"
			    "  --banner       print what the console of this host shows and exit\n"
			    "  --debug        log more\n"
			    "  --help         show this\n"
			    "  --version      show the version\n"
			    "\n"
			    "On its first start it writes the administrator's token to STATE_DIR/admin.token.\n";

struct options {
	const char *config;
	bool check, banner;
};

/* -1: go on; otherwise the exit code. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
		{ "banner", no_argument, NULL, 'b' },
		{ "debug", no_argument, NULL, 'd' },	    { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },	    { NULL, 0, NULL, 0 },
	};
	int c;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 'k':
			ret->check = true;
			break;
		case 'b':
			ret->banner = true;
			break;
		case 'd':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("ingot-provisioner " INGOT_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ingot-provisioner: '%s' is not understood\n%s", argv[optind], usage);
		return 2;
	}
	return -1;
}

static void on_stop(void *data)
{
	log_info("stopping");
	loop_quit(data, 0);
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
	int code = parse_options(argc, argv, &options);
	if (code >= 0)
		return code;
	if (config_load(options.config, &config, &err) < 0) {
		fprintf(stderr, "ingot-provisioner: %s\n", err.text);
		return 1;
	}
	if (options.check)
		puts("the configuration is valid");
	if (options.banner) {
		code = banner_print(&config, &err) < 0;
		if (code)
			fprintf(stderr, "ingot-provisioner: %s\n", err.text);
	} else {
		code = options.check ? 0 : run(&config);
	}
	config_done(&config);
	return code;
}
