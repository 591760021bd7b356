/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a child is between fork and exec, and what it has afterwards. This program is started again as the child that
 * looks at itself. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/cmd.h"
#include "cmd/cmd_priv.h"

#define LONG_MS 20000

/* ---- nothing unsafe between fork and exec ----
 *
 * The functions that take locks of the C library are ours in this program and end a process that is not the one that
 * was started first. They are where a child would hang, were another thread of the parent within them at the fork. The
 * sanitizers replace the same functions, so there only the other test of this part looks. */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TRAPS 1
#else
#define TRAPS 0
#endif

#define TRAPPED 98
static pid_t guarded; /* 0: nobody is watched yet */

#if TRAPS
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void __libc_free(void *ptr);

static void trap(void)
{
	if (guarded != 0 && getpid() != guarded)
		_exit(TRAPPED);
}

void *malloc(size_t size)
{
	trap();
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	trap();
	return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
	trap();
	return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
	trap();
	__libc_free(ptr);
}

static int (*real_lock)(pthread_mutex_t *mutex);

static void find_real_lock(void)
{
	void *symbol = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	memcpy(&real_lock, &symbol, sizeof(real_lock));
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	trap();
	if (!real_lock)
		find_real_lock();
	return real_lock(mutex);
}
#endif

static atomic_bool stop;

/* Is within malloc() and a mutex nearly always. */
static void *hammer(void *data)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	while (!stop) {
		pthread_mutex_lock(&lock);
		for (volatile size_t size = 1; size < 200000; size *= 3)
			free(malloc(size));
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void *spawn_some(void *data)
{
	atomic_int *failures = data;
	for (int i = 0; i < 25; i++) {
		struct cmd cmd = { .argv = (const char *const[]){ "true", NULL },
				   .deadline_ms = LONG_MS,
				   .die_with_parent = i % 2,
				   .new_session = i % 3 == 0 };
		if (cmd_run(&cmd, NULL, NULL) < 0)
			(*failures)++;
	}
	return NULL;
}

static void on_fork_in_child(void)
{
	_exit(TRAPPED);
}

static void children_neither_allocate_nor_lock_while_other_threads_do(void **state)
{
	pthread_t hammers[2], spawners[3];
	atomic_int failures = 0;
	if (TRAPS)
		guarded = getpid();
	stop = false;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&hammers[i], NULL, hammer, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&spawners[i], NULL, spawn_some, &failures), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(spawners[i], NULL);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(hammers[i], NULL);
	assert_int_equal(failures, 0);
}

static void failing_children_are_safe_too(void **state)
{
	if (TRAPS)
		guarded = getpid();
	for (int i = 0; i < 10; i++) {
		struct cmd bad_folder = { .argv = (const char *const[]){ "true", NULL },
					  .deadline_ms = LONG_MS,
					  .directory = "/no/folder" };
		assert_int_equal(cmd_runl(NULL, LONG_MS, "/no/such/program", NULL), -ENOENT);
		assert_int_equal(cmd_run(&bad_folder, NULL, NULL), -ENOENT);
	}
}

/* Handlers of libraries, which allocate and lock, are not run in the child. Registered for good, so this comes last. */
static void the_libraries_fork_handlers_are_not_run(void **state)
{
	if (!TRAPS)
		return; /* the sanitizers need fork(), which runs them */
	assert_int_equal(pthread_atfork(NULL, NULL, on_fork_in_child), 0);
	assert_int_equal(cmd_runl(NULL, LONG_MS, "true", NULL), 0);
}

/* signal-safety(7), as far as it is used, and what the compiler adds. */
static const char *const safe_symbols[] = {
	"_exit",
	"chdir",
	"close_range",
	"dup2",
	"dup3",
	"execve",
	"getppid",
	"prctl",
	"setpgid",
	"setsid",
	"sigaction",
	"sigemptyset",
	"pthread_sigmask",
	"sigprocmask",
	"write",
	"__errno_location",
	"_GLOBAL_OFFSET_TABLE_",
	"__stack_chk_fail",
	"memset", /* no lock, no memory of its own */
};

static void the_childs_object_refers_to_safe_functions_only(void **state)
{
	char self[PATH_MAX] = "";
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	_cleanup_free_ char *object = xasprintf("%s/../obj/lib/cmd/spawn_child.o", dirname(self));
	_cleanup_free_ char *symbols = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	if (cmd_outputl(&err, LONG_MS, &symbols, "nm", "--undefined-only", "--format=posix", object, NULL) < 0)
		fail_msg("%s", err.text);
	unsigned seen = 0;
	char *rest = NULL;
	for (char *line = strtok_r(symbols, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), seen++) {
		line[strcspn(line, " ")] = '\0';
		bool safe = !TRAPS &&
			    (str_starts(line, "__asan") || str_starts(line, "__ubsan") || str_starts(line, "__tsan"));
		for (size_t i = 0; i < ARRAY_SIZE(safe_symbols); i++)
			safe = safe || str_equal(line, safe_symbols[i]);
		if (!safe)
			fail_msg("spawn_child.c refers to %s", line);
	}
	assert_in_range(seen, 10, 100);
}

/* ---- what the program has when it runs: this one, asked to look ---- */

static int look_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t fd;
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (parse_i64(entry->d_name, 0, INT_MAX, &fd) == 0 && fd != dirfd(dir))
			printf("%s ", entry->d_name);
	if (dir)
		closedir(dir);
	return 0;
}

static int look_signals(void)
{
	_cleanup_free_ char *status = NULL;
	if (read_file("/proc/self/status", 100000, &status, NULL) < 0)
		return 1;
	/* 32 and 33 are the C library's own: sigaction() does not touch them, and they may come ignored from outside. */
	const unsigned long long own = 3ULL << 31;
	static const char *const words[] = { "SigBlk:", "SigIgn:" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *at = strstr(status, words[i]);
		if (!at)
			return 1;
		printf("%s%llx ", words[i], strtoull(at + strlen(words[i]), NULL, 16) & ~own);
	}
	return 0;
}

static int look_group(void)
{
	printf("%d %d", getpgrp() == getpid(), getsid(0) == getpid());
	return 0;
}

/* As systemd's AmbientCapabilities= does. False where that is not allowed. */
static bool gain_ambient(unsigned capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (geteuid() != 0 && unshare(CLONE_NEWUSER) < 0)
		return false;
	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[CAP_TO_INDEX(capability)].inheritable |= CAP_TO_MASK(capability);
	return syscall(SYS_capset, &header, data) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0;
}

static int look_capabilities(void)
{
	if (!gain_ambient(CAP_NET_RAW))
		return 77;
	for (int keep = 0; keep < 2; keep++) {
		_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
		struct cmd cmd = { .argv = (const char *const[]){ "grep", "^CapAmb:", "/proc/self/status", NULL },
				   .deadline_ms = LONG_MS,
				   .keep_capabilities = keep };
		if (cmd_run(&cmd, &result, NULL) < 0)
			return 1;
		printf("%llx ", strtoull(result.out + strlen("CapAmb:"), NULL, 16));
	}
	/* The parent's stay, and so do those of the next child. */
	printf("%d", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0));
	return 0;
}

/* A parent without standard descriptors starts a child that has them. */
static int look_without_standard_descriptors(void)
{
	_cleanup_free_ char *out = NULL;
	struct cmd cmd = { .argv = (const char *const[]){ "sh", "-c", "echo x; echo y >&2", NULL } };
	pid_t pid = 0;
	int status;
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (cmd_outputl(NULL, LONG_MS, &out, "sh", "-c", "cat; echo out; echo error >&2", NULL) < 0)
		return 3;
	if (!str_equal(out, "out\n"))
		return 4;
	if (cmd_start(&cmd, &pid, NULL) < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return 5;
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) >= 0) /* none was made on the way */
			return 6;
	return 42;
}

/* The number that is free here must not be taken for what becomes 1 or 2 there. */
static int look_without_standard_input(void)
{
	struct cmd cmd = { .argv = (const char *const[]){ "sh", "-c", "cat; echo x; echo y >&2", NULL } };
	pid_t pid = 0;
	int status;
	close(STDIN_FILENO);
	if (cmd_start(&cmd, &pid, NULL) < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return status;
}

static const struct {
	const char *name;
	int (*fn)(void);
} looks[] = {
	{ "descriptors", look_descriptors },
	{ "signals", look_signals },
	{ "group", look_group },
	{ "capabilities", look_capabilities },
	{ "without-standard-descriptors", look_without_standard_descriptors },
	{ "without-standard-input", look_without_standard_input },
};

static int look_at(const char *what, bool new_session, struct cmd_result *ret)
{
	struct cmd cmd = { .argv = (const char *const[]){ "/proc/self/exe", what, NULL },
			   .deadline_ms = LONG_MS,
			   .new_session = new_session };
	return cmd_run(&cmd, ret, NULL);
}

static void only_the_standard_descriptors_are_open(void **state)
{
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	/* Without close-on-exec, as careless libraries open them; one lies high. */
	int low = dup(STDERR_FILENO), high = fcntl(STDERR_FILENO, F_DUPFD, 900);
	assert_true(low > 2 && high >= 900);
	assert_int_equal(look_at("descriptors", false, &result), 0);
	assert_string_equal(result.out, "0 1 2 ");
	close_fd(low);
	close_fd(high);
}

static void no_descriptor_is_left_behind(void **state)
{
	int before = dup(STDERR_FILENO);
	close_fd(before);
	for (int i = 0; i < 5; i++) {
		struct cmd cmd = { .argv = (const char *const[]){ "cat", NULL },
				   .input = "x",
				   .input_len = 1,
				   .deadline_ms = LONG_MS,
				   .directory = i % 2 ? "/no/folder" : NULL };
		cmd_run(&cmd, NULL, NULL);
	}
	int after = dup(STDERR_FILENO);
	close_fd(after);
	assert_int_equal(before, after);
}

static void signals_are_as_new(void **state)
{
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before_pipe, before_hup;
	sigset_t block, before;
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	sigaction(SIGPIPE, &ignore, &before_pipe);
	sigaction(SIGHUP, &ignore, &before_hup);
	assert_int_equal(look_at("signals", false, &result), 0);
	assert_string_equal(result.out, "SigBlk:0 SigIgn:0 ");
	/* and here they are as they were */
	sigset_t now;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	assert_true(sigismember(&now, SIGTERM));
	assert_false(sigismember(&now, SIGUSR2));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGPIPE, &before_pipe, NULL);
	sigaction(SIGHUP, &before_hup, NULL);
}

static void it_leads_its_group_and_on_demand_its_session(void **state)
{
	_cleanup_(cmd_result_done) struct cmd_result group = { 0 }, session = { 0 };
	assert_int_equal(look_at("group", false, &group), 0);
	assert_string_equal(group.out, "1 0");
	assert_int_equal(look_at("group", true, &session), 0);
	assert_string_equal(session.out, "1 1");
}

static void ambient_capabilities_are_passed_on_demand_only(void **state)
{
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	int r = look_at("capabilities", false, &result);
	if (r < 0 && geteuid() != 0 && WIFEXITED(result.status) && WEXITSTATUS(result.status) == 77)
		skip(); /* neither root nor allowed to be in a user namespace of its own */
	assert_int_equal(r, 0);
	assert_string_equal(result.out, "0 2000 1"); /* CAP_NET_RAW is number 13 */
}

static void a_parent_without_standard_descriptors_can_start_children(void **state)
{
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	look_at("without-standard-descriptors", false, &result);
	assert_true(WIFEXITED(result.status));
	assert_int_equal(WEXITSTATUS(result.status), 42);
	_cleanup_(cmd_result_done) struct cmd_result half = { 0 };
	assert_int_equal(look_at("without-standard-input", false, &half), 0);
	assert_string_equal(half.out, "x\n");
	assert_int_equal(half.output_len, 4);
}

/* ---- die_with_parent ---- */

struct starter {
	bool die_with_parent;
	pid_t pid;
	int result;
};

static void *start_sleeper(void *data)
{
	struct starter *starter = data;
	struct cmd cmd = { .argv = (const char *const[]){ "sleep", "1000", NULL },
			   .die_with_parent = starter->die_with_parent };
	starter->result = cmd_start(&cmd, &starter->pid, NULL);
	return NULL; /* and with it ends the thread that started it */
}

/* The signal that ended the sleeper, after the thread that started it is gone. */
static int sleeper_ended_by(bool die_with_parent, bool terminate)
{
	struct starter starter = { .die_with_parent = die_with_parent };
	pthread_t thread;
	int status = 0;
	assert_int_equal(pthread_create(&thread, NULL, start_sleeper, &starter), 0);
	pthread_join(thread, NULL);
	assert_int_equal(starter.result, 0);
	if (terminate)
		kill(starter.pid, SIGTERM);
	_cleanup_close_ int pidfd = pidfd_open(starter.pid, 0);
	bool ended = spawn_wait(pidfd, LONG_MS);
	if (!ended)
		kill(starter.pid, SIGKILL);
	waitpid(starter.pid, &status, 0);
	assert_true(ended);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void one_that_shall_die_with_its_starter_does(void **state)
{
	assert_int_equal(sleeper_ended_by(true, false), SIGKILL);
}

static void another_lives_on(void **state)
{
	assert_int_equal(sleeper_ended_by(false, true), SIGTERM);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_childs_object_refers_to_safe_functions_only),
		cmocka_unit_test(only_the_standard_descriptors_are_open),
		cmocka_unit_test(no_descriptor_is_left_behind),
		cmocka_unit_test(signals_are_as_new),
		cmocka_unit_test(it_leads_its_group_and_on_demand_its_session),
		cmocka_unit_test(ambient_capabilities_are_passed_on_demand_only),
		cmocka_unit_test(a_parent_without_standard_descriptors_can_start_children),
		cmocka_unit_test(one_that_shall_die_with_its_starter_does),
		cmocka_unit_test(another_lives_on),
		cmocka_unit_test(children_neither_allocate_nor_lock_while_other_threads_do),
		cmocka_unit_test(failing_children_are_safe_too),
		cmocka_unit_test(the_libraries_fork_handlers_are_not_run),
	};
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(looks); i++)
		if (str_equal(argv[1], looks[i].name))
			return looks[i].fn();
	return argc > 1 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
