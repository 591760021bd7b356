/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's core and parts without a provisioner: part-run DIR [PLUGIN SYMBOL] [--sysroot DIR].
 *
 * Reads DIR/desired.json at the start and at each SIGHUP, and keeps the whole report in DIR/report.json. Sections that are
 * kept go to DIR/kept. Ends at SIGTERM. */
#include <dlfcn.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "ceph/ceph_part.h"
#include "core/converge.h"

#define DOCUMENT_MAX_BYTES (4 * MIB)

struct runner {
	struct loop *loop;
	struct converge *converge;
	char *desired_path, *report_path;
	json_t *report; /* all sections, as the provisioner would know them */
};

static void take_report(void *data)
{
	struct runner *runner = data;
	json_t *changed = json_object();
	_cleanup_free_ char *text = NULL;

	if (!runner->converge) {
		json_decref(changed);
		return;
	}
	if (converge_collect(runner->converge, false, changed)) {
		json_object_update(runner->report, changed);
		text = json_dumps(runner->report, JSON_INDENT(1) | JSON_SORT_KEYS);
		write_file_atomic(runner->report_path, text, strlen(text), 0600);
		converge_acknowledged(runner->converge);
	}
	json_decref(changed);
}

static void report_changed(void *data)
{
	struct runner *runner = data;

	loop_post(runner->loop, take_report, runner);
}

static void read_desired(void *data)
{
	struct runner *runner = data;
	_cleanup_free_ char *text = NULL;
	json_t *document = NULL;
	json_error_t bad;

	if (read_file(runner->desired_path, DOCUMENT_MAX_BYTES, &text, NULL) == 0)
		document = json_loads(text, 0, &bad);
	if (!document) {
		log_error("%s is missing or no JSON", runner->desired_path);
		return;
	}
	converge_desired(runner->converge, document);
	json_decref(document);
}

static void idle(void *data)
{
	struct runner *runner = data;

	loop_quit(runner->loop, 0);
}

static void stop(void *data)
{
	struct runner *runner = data;

	converge_stop(runner->converge, idle, runner);
}

static const struct part *plugin(const char *path, const char *symbol)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	part_plugin_fn get = NULL;

	if (handle)
		*(void **)&get = dlsym(handle, symbol);
	if (!get) {
		fprintf(stderr, "part-run: %s\n", dlerror());
		exit(1);
	}
	return get();
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "sysroot", required_argument, NULL, 's' }, { 0 } };
	const struct part *parts[] = { &ceph_part, NULL, NULL };
	struct runner runner = { .report = json_object() };
	_cleanup_err_ struct err err = ERR_INIT;
	const char *sysroot = "";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's')
			return 2;
		sysroot = optarg;
	}
	argc -= optind;
	argv += optind;
	if (argc != 1 && argc != 3) {
		fprintf(stderr, "usage: part-run DIR [PLUGIN SYMBOL] [--sysroot DIR]\n");
		return 2;
	}
	if (argc == 3)
		parts[1] = plugin(argv[1], argv[2]);
	log_set_level(LOG_LEVEL_DEBUG);
	signal(SIGPIPE, SIG_IGN);
	runner.desired_path = xasprintf("%s/desired.json", argv[0]);
	runner.report_path = xasprintf("%s/report.json", argv[0]);
	_cleanup_free_ char *kept = xasprintf("%s/kept", argv[0]);
	mkdir_p(kept, 0700);

	runner.loop = loop_new(4);
	struct loop_signal *hup = loop_signal_new(runner.loop, SIGHUP, read_desired, &runner);
	struct loop_signal *term = loop_signal_new(runner.loop, SIGTERM, stop, &runner);
	const struct converge_spec spec = {
		.loop = runner.loop,
		.parts = parts,
		.mode = PART_NODE,
		.sysroot = sysroot,
		.keep_dir = kept,
		.changed = report_changed,
		.data = &runner,
	};
	if (converge_new(&spec, &runner.converge, &err) < 0) {
		fprintf(stderr, "part-run: %s\n", err.text);
		return 1;
	}
	read_desired(&runner);
	int code = loop_run(runner.loop);
	loop_signal_free(hup);
	loop_signal_free(term);
	struct converge *converge = TAKE_PTR(runner.converge);
	converge_free(converge);
	loop_free(runner.loop);
	json_decref(runner.report);
	free(runner.desired_path);
	free(runner.report_path);
	return code;
}
