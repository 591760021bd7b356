/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one place that starts processes: an argument vector, never a shell; only the descriptors named; a deadline;
 * output captured with a cap. Between fork and exec only async-signal-safe calls are made (signal-safety(7)). */
#ifndef INGOT_CMD_CMD_H
#define INGOT_CMD_CMD_H

#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"

struct cmd {
	const char *const *argv; /* argv[0] is a path or is looked up in our PATH; NULL at the end */
	const char *const *envp; /* NULL: the caller's environment */
	const char *directory;	 /* NULL: "/" */
	const char *input;	 /* given on standard input; NULL: /dev/null */
	size_t input_len;
	int64_t deadline_ms;	 /* how long it may run; 0 only for services */
	size_t output_max_bytes; /* what is kept of its output, the last bytes; 0: 64 KiB */
	bool die_with_parent;	 /* SIGKILL when the thread that started it ends (PR_SET_PDEATHSIG) */
	bool new_session;
	/* Ours that are ambient (capabilities(7)) are its own as well. Else it has none of them, whatever we were started with. */
	bool keep_capabilities;
	int stdout_fd; /* where output goes instead of being captured; 0: captured */
};

struct cmd_result {
	int status;	/* as of waitpid() */
	bool truncated; /* it wrote more than was kept */
	char *output;	/* standard output and error in the order they arrived, NUL-terminated; the caller frees */
	size_t output_len;
	char *out; /* standard output alone, NUL-terminated; the caller frees */
	size_t out_len;
};
void cmd_result_done(struct cmd_result *result);

/* Runs to its end. Blocks: for workers and for the agent's part threads, never the loop. 0 if it ended with exit code
 * 0; otherwise a negative errno and err says which program, how it ended (code, signal, deadline: ERR_TIMEOUT) and the
 * last line it wrote. The deadline kills it and all of its process group, which is always a new one. ret may be NULL;
 * else it is filled whenever the program ran, also when it failed, and emptied otherwise: cmd_result_done() after every
 * call. It is over when the program has ended, even if something that it left in the background holds its output open.
 * With stdout_fd standard output goes there and standard error is captured. A test can capture instead of running: see
 * cmd_set_hook(). */
int cmd_run(const struct cmd *cmd, struct cmd_result *ret, struct err *err);
/* The same from an argument list: cmd_runl(err, 5000, "sfdisk", "--json", path, NULL). */
int cmd_runl(struct err *err, int64_t deadline_ms, const char *program, ...) __attribute__((sentinel));
/* The same, and gives standard output alone; the caller frees. ERR_TOO_LARGE if that was more than 1 MiB. */
int cmd_outputl(struct err *err, int64_t deadline_ms, char **ret_out, const char *program, ...)
	__attribute__((sentinel));

/* Starts it and returns as soon as the program runs (some milliseconds); a program that cannot be executed is an error
 * here. Nothing is captured: its output goes to ours, or with stdout_fd both standard output and error go there.
 * deadline_ms is the caller's to watch. The pid is the caller's to reap (loop_child_new). 0 or a negative errno. */
int cmd_start(const struct cmd *cmd, pid_t *ret_pid, struct err *err);

/* For tests: called instead of starting anything, on the thread that wanted to; its return value is the result. What it
 * puts into ret is the caller's to free. For cmd_start() ret is NULL and the pid becomes 0. NULL takes it away. */
typedef int (*cmd_hook_fn)(const struct cmd *cmd, struct cmd_result *ret, struct err *err, void *data);
void cmd_set_hook(cmd_hook_fn hook, void *data);

/* ---- services: children that are kept running ---- */

struct service;
enum service_state { SERVICE_STOPPED, SERVICE_RUNNING, SERVICE_BACKOFF, SERVICE_FAILED };
struct service_spec {
	const char *name;	   /* for the log */
	const char *const *argv;   /* copied */
	int64_t backoff_first_ms;  /* 0: 500 */
	int64_t backoff_max_ms;	   /* 0: 30 000 */
	unsigned respawn_max;	   /* its end after that many starts in respawn_window_ms is SERVICE_FAILED; 0: 10 */
	int64_t respawn_window_ms; /* 0: 60 000 */
	bool keep_capabilities;	   /* as in struct cmd */
	/* The state after each start and end; not called within service_new(). It may free the service. May be NULL. */
	void (*changed)(struct service *service, enum service_state state, void *data);
	void *data;
};
/* Starts it; it is started again when it ends, after pauses that double from the first to the largest, up to the cap;
 * they begin anew after a run longer than respawn_window_ms / respawn_max. Its output goes to ours. It is killed when
 * the loop's thread ends. SERVICE_FAILED is for good: free it and make a new one. On the loop's thread, as all
 * below. */
struct service *service_new(struct loop *loop, const struct service_spec *spec);
enum service_state service_state(const struct service *service);
pid_t service_pid(const struct service *service); /* 0 if it does not run */
/* How it ended last, or why it could not be started: "exit code 1". NULL if it never did. Valid until it ends again. */
const char *service_last_end(const struct service *service);
int service_signal(struct service *service, int signal); /* -ESRCH if it does not run */
/* SIGTERM, then SIGKILL after 2 s, also for what it left in its process group; waits. NULL is fine; returns NULL. */
struct service *service_free(struct service *service);

#endif
