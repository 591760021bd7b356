/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What agents say waits here for its turn: a rack that is switched on says hello all at once, and each hello is a commit. The
 * loop takes some of it at a time; people's calls come in between. */
#include "api/api_priv.h"

#define STRANGERS_MAX 4096    /* more wait than this: they are to come again */
#define KNOWN_TO_A_STRANGER 4 /* machines that are ours go first, but not alone */

struct agent_call {
	struct list link;
	struct api *api;
	struct http_request *request;
	http_handler_fn fn;
	bool stranger;
};

struct agent_queue {
	struct list known, strangers; /* struct agent_call */
	unsigned stranger_count;
	unsigned known_in_turn; /* since the last stranger */
	struct loop_timer *timer;
};

static void call_free(struct agent_call *call)
{
	call->api->agents->stranger_count -= call->stranger;
	list_remove(&call->link);
	free(call);
}

static void call_gone(void *data)
{
	call_free(data);
}

static struct agent_call *next_call(struct agent_queue *queue)
{
	bool stranger = !list_empty(&queue->strangers) &&
			(list_empty(&queue->known) || queue->known_in_turn >= KNOWN_TO_A_STRANGER);
	struct list *list = stranger ? &queue->strangers : &queue->known;
	queue->known_in_turn = stranger ? 0 : queue->known_in_turn + 1;
	/* The analyzer does not follow that what is freed has left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	return list_empty(list) ? NULL : CONTAINER_OF(list->next, struct agent_call, link);
}

static void work(void *data)
{
	struct api *api = data;
	struct agent_queue *queue = api->agents;
	int64_t began_ms = loop_monotonic_ms(api->spec.loop);
	struct agent_call *call;
	queue->timer = NULL;
	while (!loop_turn_is_over(api->spec.loop, began_ms) && (call = next_call(queue))) {
		struct http_request *request = call->request;
		http_handler_fn fn = call->fn;
		call_free(call);
		http_request_on_gone(request, NULL, NULL);
		fn(request, api);
	}
	if (!queue->timer && (!list_empty(&queue->known) || !list_empty(&queue->strangers)))
		queue->timer = loop_timer_new(api->spec.loop, 0, work, api);
}

void agent_queue_add(struct api *api, struct http_request *request, bool stranger, http_handler_fn fn)
{
	static const char *const later[] = { "Retry-After: 5", NULL };
	_cleanup_err_ struct err err = ERR_INIT;
	struct agent_queue *queue = api->agents;
	if (stranger && queue->stranger_count >= STRANGERS_MAX) {
		err_set(&err, ERR_BUSY, "%d machines that are not known wait already; say hello again later",
			STRANGERS_MAX);
		http_answer_problem_with(request, &err, later);
		return;
	}
	struct agent_call *call = new0(struct agent_call, 1);
	*call = (struct agent_call){ .api = api, .request = request, .fn = fn, .stranger = stranger };
	queue->stranger_count += stranger;
	list_append(stranger ? &queue->strangers : &queue->known, &call->link);
	http_request_on_gone(request, call_gone, call);
	if (!queue->timer)
		queue->timer = loop_timer_new(api->spec.loop, 0, work, api);
}

void agent_queue_start(struct api *api)
{
	api->agents = new0(struct agent_queue, 1);
	list_init(&api->agents->known);
	list_init(&api->agents->strangers);
}

/* The requests are the server's, which answers them when it stops. */
void agent_queue_stop(struct api *api)
{
	struct agent_queue *queue = api->agents;
	struct agent_call *call;
	while (!list_empty(&queue->known) || !list_empty(&queue->strangers)) {
		call = next_call(queue);
		http_request_on_gone(call->request, NULL, NULL);
		call_free(call);
	}
	loop_timer_free(queue->timer);
	api->agents = NULL;
	free(queue);
}
