/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one place that starts processes: an argument vector, never a shell; only the descriptors named; a deadline; output
 * captured with a cap. Between fork and exec only async-signal-safe calls are made (signal-safety(7)). */
#ifndef INGOT_CMD_CMD_H
#define INGOT_CMD_CMD_H

#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"

struct cmd {
	const char *const *argv;  /* argv[0] is looked up in PATH; NULL at the end */
	const char *const *envp;  /* NULL: the caller's environment */
	const char *directory;    /* NULL: "/" */
	const char *input;        /* given on standard input; NULL: /dev/null */
	size_t input_len;
	int64_t deadline_ms;      /* how long it may run; 0 only for services */
	size_t output_max_bytes;  /* what is kept of its output, the last bytes; 0: 64 KiB */
	bool die_with_parent;     /* SIGKILL when the thread that started it ends (PR_SET_PDEATHSIG) */
	bool new_session;
	int stdout_fd;            /* where output goes instead of being captured; 0: captured */
};

struct cmd_result {
	int status;     /* as of waitpid() */
	char *output;   /* standard output and error in the order written, NUL-terminated; the caller frees */
	size_t output_len;
	char *out;      /* standard output alone; the caller frees */
	size_t out_len;
};
void cmd_result_done(struct cmd_result *result);

/* Runs to its end. Blocks: for workers and for the agent's part threads, never the loop. 0 if it ended with exit code 0;
 * otherwise a negative errno and err says which program, how it ended (code, signal, deadline: ERR_TIMEOUT) and the last
 * line it wrote. ret may be NULL. A test can capture instead of running: see cmd_set_hook(). */
int cmd_run(const struct cmd *cmd, struct cmd_result *ret, struct err *err);
/* The same from an argument list: cmd_runl(err, 5000, "sfdisk", "--json", path, NULL). */
int cmd_runl(struct err *err, int64_t deadline_ms, const char *program, ...) __attribute__((sentinel));
/* The same, and gives standard output alone; the caller frees. */
int cmd_outputl(struct err *err, int64_t deadline_ms, char **ret_out, const char *program, ...)
	__attribute__((sentinel));

/* Starts it and returns at once. The pid is the caller's to reap (loop_child_new). 0 or a negative errno. */
int cmd_start(const struct cmd *cmd, pid_t *ret_pid, struct err *err);

/* For tests: called instead of starting anything; its return value is the result. NULL takes it away. */
typedef int (*cmd_hook_fn)(const struct cmd *cmd, struct cmd_result *ret, struct err *err, void *data);
void cmd_set_hook(cmd_hook_fn hook, void *data);

/* ---- services: children that are kept running ---- */

struct service;
enum service_state { SERVICE_STOPPED, SERVICE_RUNNING, SERVICE_BACKOFF, SERVICE_FAILED };
struct service_spec {
	const char *name;           /* for the log */
	const char *const *argv;    /* copied */
	int64_t backoff_first_ms;   /* 0: 500 */
	int64_t backoff_max_ms;     /* 0: 30 000 */
	unsigned respawn_max;       /* starts within respawn_window_ms after which it is SERVICE_FAILED; 0: 10 */
	int64_t respawn_window_ms;  /* 0: 60 000 */
	void (*changed)(struct service *service, enum service_state state, void *data); /* may be NULL */
	void *data;
};
/* Starts it; it is started again with growing pauses when it ends, up to the cap. Its output goes to ours. Dies with us. */
struct service *service_new(struct loop *loop, const struct service_spec *spec);
enum service_state service_state(const struct service *service);
pid_t service_pid(const struct service *service); /* 0 if it does not run */
int service_signal(struct service *service, int signal); /* -ESRCH if it does not run */
/* SIGTERM, then SIGKILL after 2 s; waits. NULL is fine; returns NULL. */
struct service *service_free(struct service *service);

#endif
