/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver table, and operations on the work queue. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "base/list.h"
#include "bmc_priv.h"

static const struct bmc_driver *const built_in[] = { &bmc_driver_ipmi, NULL };
static const struct bmc_driver *const *drivers = built_in;

static const char *const power_names[] = {
	[BMC_POWER_UNKNOWN] = "unknown",
	[BMC_POWER_OFF] = "off",
	[BMC_POWER_ON] = "on",
};

const char *bmc_power_name(enum bmc_power power)
{
	return (unsigned)power < ARRAY_SIZE(power_names) ? power_names[power] : power_names[BMC_POWER_UNKNOWN];
}

const struct bmc_driver *bmc_driver_find(const char *name)
{
	for (unsigned i = 0; name && drivers[i]; i++) {
		if (str_equal(drivers[i]->name, name))
			return drivers[i];
	}
	return NULL;
}

void bmc_drivers_set(const struct bmc_driver *const *table)
{
	drivers = table ? table : built_in;
}

void bmc_target_copy(struct bmc_target *dst, const struct bmc_target *src)
{
	*dst = (struct bmc_target){
		.driver = xstrdup(src->driver),
		.address = xstrdup(src->address),
		.user = xstrdup(src->user),
		.password = xstrdup(src->password),
		.quirks = src->quirks,
		.cipher_suite = src->cipher_suite,
		.uuid = xstrdup(src->uuid),
	};
}

void bmc_target_done(struct bmc_target *target)
{
	free(target->driver);
	free(target->address);
	free(target->user);
	if (target->password)
		wipe(target->password, strlen(target->password));
	free(target->password);
	free(target->uuid);
	*target = (struct bmc_target){ .cipher_suite = -1 };
}

void bmc_identity_done(struct bmc_identity *identity)
{
	free(identity->system_uuid);
	free(identity->manufacturer);
	free(identity->firmware);
	*identity = (struct bmc_identity){ .cipher_suite = -1 };
}

void bmc_sensors_done(struct bmc_sensors *sensors)
{
	for (size_t i = 0; i < sensors->count; i++) {
		free(sensors->list[i].name);
		free(sensors->list[i].type);
		free(sensors->list[i].unit);
		free(sensors->list[i].text);
	}
	free(sensors->list);
	*sensors = (struct bmc_sensors){ 0 };
}

void bmc_sel_done(struct bmc_sel *sel)
{
	for (size_t i = 0; i < sel->count; i++) {
		free(sel->list[i].sensor);
		free(sel->list[i].type);
		free(sel->list[i].text);
	}
	free(sel->list);
	*sel = (struct bmc_sel){ 0 };
}

int bmc_address_parse(const char *text, struct sockaddr_in *ret, struct err *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(BMC_PORT) };
	const char *colon = text ? strchr(text, ':') : NULL;
	_cleanup_free_ char *host = text ? xstrndup(text, colon ? (size_t)(colon - text) : strlen(text)) : NULL;
	int64_t port = BMC_PORT;

	if (!host || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
	    (colon && parse_i64(colon + 1, 1, UINT16_MAX, &port) < 0))
		return err_set_field(err, ERR_INVALID, "address", "\"%s\" is no BMC address: write IPv4 or IPv4:PORT",
				     str_or(text, ""));
	address.sin_port = htons((uint16_t)port);
	*ret = address;
	return 0;
}

char *bmc_address_format(const struct sockaddr_in *address)
{
	char host[INET_ADDRSTRLEN];
	unsigned port = ntohs(address->sin_port);

	inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
	return port == BMC_PORT ? xstrdup(host) : xasprintf("%s:%u", host, port);
}

/* ---- operations ---- */

#define AGAIN_MS 1000

/* A silent BMC holds a worker for seconds, and a rack may have hundreds of them: so no more than some of the loop's workers are
 * with BMCs, and what waits for one waits here, not in the loop's queue. One for each loop that has operations. */
struct bmc_queue {
	struct list link; /* in queues */
	struct loop *loop;
	struct list waiting, flying; /* jobs */
	unsigned waiting_count, flying_count;
	struct loop_timer *again; /* the loop's own queue was full, and no end of an operation will try again */
};
static struct list queues = { &queues, &queues };

struct bmc_job {
	struct list link;
	struct bmc_queue *queue;
	struct bmc_op op;
	const struct bmc_driver *driver; /* found on the loop: workers do not read the table */
};

static void job_free(struct bmc_job *job)
{
	list_remove(&job->link);
	bmc_target_done(&job->op.target);
	bmc_identity_done(&job->op.identity);
	bmc_sensors_done(&job->op.sensors);
	bmc_sel_done(&job->op.sel);
	err_done(&job->op.err);
	free(job);
}

static void job_run(void *data)
{
	struct bmc_job *job = data;
	struct bmc_op *op = &job->op;

	switch (op->kind) {
	case BMC_OP_PROBE:
		job->driver->probe(&op->target, &op->identity, &op->err);
		break;
	case BMC_OP_POWER_GET:
		job->driver->power_get(&op->target, &op->power, &op->err);
		break;
	case BMC_OP_POWER_SET:
		job->driver->power_set(&op->target, op->action, &op->err);
		break;
	case BMC_OP_SENSORS:
		if (job->driver->sensors)
			job->driver->sensors(&op->target, &op->sensors, &op->err);
		else
			err_set(&op->err, ERR_UNSUPPORTED, "the BMC driver \"%s\" reads no sensors", job->driver->name);
		break;
	case BMC_OP_SEL:
		if (job->driver->sel)
			job->driver->sel(&op->target, &op->sel, &op->err);
		else
			err_set(&op->err, ERR_UNSUPPORTED, "the BMC driver \"%s\" reads no event log",
				job->driver->name);
		break;
	case BMC_OP_BOOT_DEVICE:
		job->driver->boot_device(&op->target, op->device, op->persistent, op->uefi, &op->err);
		break;
	}
}

static struct bmc_queue *queue_of(struct loop *loop)
{
	struct bmc_queue *queue;

	LIST_FOREACH(queue, &queues, link)
		if (queue->loop == loop)
			return queue;
	queue = new0(struct bmc_queue, 1);
	queue->loop = loop;
	list_init(&queue->waiting);
	list_init(&queue->flying);
	list_append(&queues, &queue->link);
	return queue;
}

static void queue_free_if_idle(struct bmc_queue *queue)
{
	if (queue->waiting_count > 0 || queue->flying_count > 0)
		return;
	loop_timer_free(queue->again);
	list_remove(&queue->link);
	free(queue);
}

/* One that waits for its own BMC's turn holds no worker meanwhile. */
static bool is_flying(const struct bmc_queue *queue, const char *address)
{
	const struct bmc_job *job;

	LIST_FOREACH(job, &queue->flying, link)
		if (str_equal(job->op.target.address, address))
			return true;
	return false;
}

static void job_done(void *data);

static void queue_run(struct bmc_queue *queue);

static void queue_run_again(void *data)
{
	struct bmc_queue *queue = data;

	queue->again = NULL;
	queue_run(queue);
}

/* What the loop has no room for is tried again at the next end, or soon. */
static void queue_refused(struct bmc_queue *queue)
{
	if (queue->flying_count == 0 && !queue->again)
		queue->again = loop_timer_new(queue->loop, AGAIN_MS, queue_run_again, queue);
}

/* Gives jobs to workers, oldest first. */
static void queue_run(struct bmc_queue *queue)
{
	struct bmc_job *job;

	LIST_FOREACH(job, &queue->waiting, link) {
		if (queue->flying_count == BMC_IN_FLIGHT_MAX)
			return;
		if (is_flying(queue, job->op.target.address))
			continue;
		if (loop_work(queue->loop, job->op.target.address, job_run, job_done, job) < 0) {
			queue_refused(queue);
			return;
		}
		list_remove(&job->link);
		list_append(&queue->flying, &job->link);
		queue->waiting_count--;
		queue->flying_count++;
	}
}

static void job_done(void *data)
{
	struct bmc_job *job = data;
	struct bmc_queue *queue = job->queue;

	if (job->op.done)
		job->op.done(&job->op, job->op.data);
	job_free(job);
	queue->flying_count--;
	queue_run(queue);
	queue_free_if_idle(queue);
}

int bmc_submit(struct loop *loop, const struct bmc_op *request, struct err *err)
{
	const struct bmc_driver *driver = bmc_driver_find(request->target.driver);
	struct bmc_job *job;

	if (!driver)
		return err_set_field(err, ERR_UNSUPPORTED, "driver", "there is no BMC driver \"%s\"",
				     str_or(request->target.driver, ""));
	if (!request->target.address)
		return err_set_field(err, ERR_INVALID, "address", "the BMC has no address");
	job = new0(struct bmc_job, 1);
	list_init(&job->link);
	job->driver = driver;
	job->op = (struct bmc_op){
		.kind = request->kind,
		.action = request->action,
		.device = request->device,
		.persistent = request->persistent,
		.uefi = request->uefi,
		.power = BMC_POWER_UNKNOWN,
		.identity = { .cipher_suite = -1 },
		.done = request->done,
		.data = request->data,
	};
	bmc_target_copy(&job->op.target, &request->target);
	job->queue = queue_of(loop);
	if (job->queue->waiting_count == BMC_WAITING_MAX) {
		job_free(job);
		return err_set(err, ERR_BUSY, "too many BMC operations wait already");
	}
	list_append(&job->queue->waiting, &job->link);
	job->queue->waiting_count++;
	queue_run(job->queue);
	return 0;
}
