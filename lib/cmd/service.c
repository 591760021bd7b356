/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd_priv.h"

#define STOP_MS 2000

struct service {
	struct loop *loop;
	struct service_spec spec; /* with the defaults filled in; name and argv are copies */
	enum service_state state;
	pid_t pid;
	struct loop_child *child;
	struct loop_timer *retry;
	int64_t pause_ms;   /* before the next start; 0: the first */
	int64_t started_ms; /* the last start */
	int64_t *starts_ms; /* the last respawn_max starts, a ring */
	unsigned starts;    /* how many there were */
	char *last_end;
};

/* ---- the states ---- */

enum service_event { SERVICE_STARTED, SERVICE_ENDED };

static bool too_often(const struct service *service)
{
	/* The oldest of the last respawn_max starts lies where the next one will be written. */
	unsigned max = service->spec.respawn_max;
	return service->starts >= max && loop_monotonic_ms(service->loop) - service->starts_ms[service->starts % max] <
						 service->spec.respawn_window_ms;
}

static void retry_later(struct service *service);

/* clang-format off */
static const struct {
	enum service_state state;
	enum service_event event;
	bool (*guard)(const struct service *service);
	enum service_state next;
	void (*effect)(struct service *service);
} transitions[] = {
	/* state           event            guard      next             effect */
	{ SERVICE_STOPPED, SERVICE_STARTED, NULL,      SERVICE_RUNNING, NULL },
	{ SERVICE_STOPPED, SERVICE_ENDED,   too_often, SERVICE_FAILED,  NULL },
	{ SERVICE_STOPPED, SERVICE_ENDED,   NULL,      SERVICE_BACKOFF, retry_later },
	{ SERVICE_RUNNING, SERVICE_ENDED,   too_often, SERVICE_FAILED,  NULL },
	{ SERVICE_RUNNING, SERVICE_ENDED,   NULL,      SERVICE_BACKOFF, retry_later },
	{ SERVICE_BACKOFF, SERVICE_STARTED, NULL,      SERVICE_RUNNING, NULL },
	{ SERVICE_BACKOFF, SERVICE_ENDED,   too_often, SERVICE_FAILED,  NULL },
	{ SERVICE_BACKOFF, SERVICE_ENDED,   NULL,      SERVICE_BACKOFF, retry_later },
};
/* clang-format on */

static void step(struct service *service, enum service_event event)
{
	for (size_t i = 0; i < ARRAY_SIZE(transitions); i++) {
		if (transitions[i].state != service->state || transitions[i].event != event)
			continue;
		if (transitions[i].guard && !transitions[i].guard(service))
			continue;
		service->state = transitions[i].next;
		if (transitions[i].effect)
			transitions[i].effect(service);
		return;
	}
	abort(); /* the table has a row for whatever can happen */
}

/* The last thing that a callback of ours does: whoever hears it may free the service. */
static void tell(struct service *service)
{
	if (service->spec.changed)
		service->spec.changed(service, service->state, service->spec.data);
}

/* ---- what moves them ---- */

static void start(struct service *service);

static void on_retry(void *data)
{
	struct service *service = data;
	service->retry = NULL;
	start(service);
	tell(service);
}

static void retry_later(struct service *service)
{
	const struct service_spec *spec = &service->spec;
	/* One that ran longer than the cap allows on average was well: its pauses begin anew. */
	int64_t ran_ms = loop_monotonic_ms(service->loop) - service->started_ms;
	if (service->pause_ms == 0 || (service->pid > 0 && ran_ms > spec->respawn_window_ms / spec->respawn_max))
		service->pause_ms = spec->backoff_first_ms;
	else
		service->pause_ms = MIN_OF(service->pause_ms * 2, spec->backoff_max_ms);
	service->retry = loop_timer_new(service->loop, service->pause_ms, on_retry, service);
}

static void on_end(pid_t pid, int status, void *data)
{
	struct service *service = data;
	service->child = NULL;
	free(service->last_end);
	service->last_end = cmd_status_text(status);
	log_debug("service %s: pid %d: %s", service->spec.name, (int)pid, service->last_end);
	step(service, SERVICE_ENDED);
	service->pid = 0;
	tell(service);
}

static void start(struct service *service)
{
	struct cmd cmd = { .argv = service->spec.argv,
			   .die_with_parent = true,
			   .keep_capabilities = service->spec.keep_capabilities };
	_cleanup_err_ struct err err = ERR_INIT;

	service->started_ms = loop_monotonic_ms(service->loop);
	service->starts_ms[service->starts++ % service->spec.respawn_max] = service->started_ms;
	if (cmd_start(&cmd, &service->pid, &err) < 0) {
		str_set(&service->last_end, str_or(err.text, "cannot be started"));
		log_debug("service %s: %s", service->spec.name, service->last_end);
		service->pid = 0;
		step(service, SERVICE_ENDED);
		return;
	}
	/* A hook starts nothing: there is no child then. */
	if (service->pid > 0)
		service->child = loop_child_new(service->loop, service->pid, on_end, service);
	step(service, SERVICE_STARTED);
}

/* ---- from outside ---- */

static const char *const *argv_copy(const char *const *argv)
{
	size_t count = 0;
	while (argv[count])
		count++;
	const char **copy = new0(const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		copy[i] = xstrdup(argv[i]);
	return copy;
}

static void argv_free(const char *const *argv)
{
	for (size_t i = 0; argv[i]; i++)
		free((void *)(uintptr_t)argv[i]);
	free((void *)(uintptr_t)argv);
}

#define DEFAULT(field, value) ((field) ? (field) : (value))

struct service *service_new(struct loop *loop, const struct service_spec *spec)
{
	struct service *service = new0(struct service, 1);
	service->loop = loop;
	service->spec = (struct service_spec){
		.name = xstrdup(str_or(spec->name, spec->argv[0])),
		.argv = argv_copy(spec->argv),
		.backoff_first_ms = DEFAULT(spec->backoff_first_ms, 500),
		.backoff_max_ms = DEFAULT(spec->backoff_max_ms, 30000),
		.respawn_max = DEFAULT(spec->respawn_max, 10),
		.respawn_window_ms = DEFAULT(spec->respawn_window_ms, 60000),
		.keep_capabilities = spec->keep_capabilities,
		.changed = spec->changed,
		.data = spec->data,
	};
	service->starts_ms = new0(int64_t, service->spec.respawn_max);
	start(service);
	return service;
}

enum service_state service_state(const struct service *service)
{
	return service->state;
}

pid_t service_pid(const struct service *service)
{
	return service->pid;
}

const char *service_last_end(const struct service *service)
{
	return service->last_end;
}

int service_signal(struct service *service, int signal)
{
	if (service->pid == 0)
		return -ESRCH;
	return kill(service->pid, signal) < 0 ? -errno : 0;
}

static void stop(struct service *service)
{
	service->child = loop_child_free(service->child); /* not reaped yet: its pid stays its own until we have */
	_cleanup_close_ int pidfd = pidfd_open(service->pid, 0);
	kill(service->pid, SIGTERM);
	if (pidfd < 0)
		kill(service->pid, SIGKILL); /* no way to wait for its manners */
	else
		spawn_wait(pidfd, STOP_MS);
	spawn_kill(service->pid, pidfd, NULL); /* and what it left in its group */
	service->pid = 0;
}

struct service *service_free(struct service *service)
{
	if (!service)
		return NULL;
	if (service->pid > 0)
		stop(service);
	loop_timer_free(service->retry);
	argv_free(service->spec.argv);
	free((void *)(uintptr_t)service->spec.name);
	free(service->starts_ms);
	free(service->last_end);
	free(service);
	return NULL;
}
