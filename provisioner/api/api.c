/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/api_priv.h"
#include "base/log.h"
#include "compute/cloud_init.h"

#define UPLOAD_LANE "upload"

/* ---- handlers: each is one call into the module that does it ---- */

static int do_machine_accept(struct api_call *call, struct err *err)
{
	return machine_accept(call->api->spec.machines, call->id, call->body, err);
}

static int do_machine_deploy(struct api_call *call, struct err *err)
{
	return machine_deploy(call->api->spec.machines, call->id, call->body, &call->task, err);
}

static int do_machine_power(struct api_call *call, struct err *err)
{
	const struct machine_power *power = call->body;
	return machine_power(call->api->spec.machines, call->id, power->action, &call->task, err);
}

static int do_machine_delete(struct api_call *call, struct err *err)
{
	return machine_delete(call->api->spec.machines, call->id, err);
}

static int do_machine_update(struct api_call *call, struct err *err)
{
	return machine_update(call->api->spec.machines, call->id, call->body, err);
}

static int do_bmc_range_create(struct api_call *call, struct err *err)
{
	const struct bmc_range *range = NULL;
	int r = machine_bmc_range_create(call->api->spec.machines, call->body, &range, err);
	call->result = range;
	return r;
}

static int do_bmc_range_update(struct api_call *call, struct err *err)
{
	return machine_bmc_range_update(call->api->spec.machines, call->id, call->body, err);
}

static int do_bmc_range_delete(struct api_call *call, struct err *err)
{
	return machine_bmc_range_delete(call->api->spec.machines, call->id, err);
}

static int do_pool_usage(struct api_call *call, struct err *err)
{
	const struct pool_usage *usage = store_get(call->api->store, &kind_pool_usage, call->id);
	const struct pool_usage none = { .id = (char *)call->id };
	http_answer_json(call->request, 200, schema_encode(&pool_usage_schema, usage ? usage : &none, false), NULL);
	call->answered = true;
	return 0;
}

static int do_node_update(struct api_call *call, struct err *err)
{
	return cluster_node_update(call->api->spec.cluster, call->id, call->body, err);
}

static int do_node_confirm_off(struct api_call *call, struct err *err)
{
	return cluster_node_confirm_off(call->api->spec.cluster, call->id, err);
}

static int do_join_token_create(struct api_call *call, struct err *err)
{
	const struct join_token *token = NULL;
	const char *user = call->who.user ? call->who.user->id : NULL;
	int r = cluster_join_token_create(call->api->spec.cluster, call->body, user, call->who.name, &token,
					  &call->token_text, err);
	call->result = token;
	return r;
}

static int do_join_token_delete(struct api_call *call, struct err *err)
{
	return cluster_join_token_delete(call->api->spec.cluster, call->id, err);
}

static int do_image_create(struct api_call *call, struct err *err)
{
	const struct image *image = NULL;
	int r = image_create(call->api->spec.storage, call->body, &image, err);
	call->result = image;
	return r;
}

static int do_image_delete(struct api_call *call, struct err *err)
{
	return image_delete(call->api->spec.storage, call->id, &call->task, err);
}

static int do_volume_create(struct api_call *call, struct err *err)
{
	const struct volume *volume = NULL;
	int r = volume_create(call->api->spec.storage, call->body, &volume, err);
	call->result = volume;
	call->task = volume ? volume->task : NULL;
	return r;
}

static int do_volume_delete(struct api_call *call, struct err *err)
{
	return volume_delete(call->api->spec.storage, call->id, &call->task, err);
}

static int do_network_create(struct api_call *call, struct err *err)
{
	const struct network *network = NULL;
	int r = network_create(call->api->spec.compute, call->body, &network, err);
	call->result = network;
	return r;
}

static int do_network_delete(struct api_call *call, struct err *err)
{
	return network_delete(call->api->spec.compute, call->id, err);
}

static int do_vm_create(struct api_call *call, struct err *err)
{
	const struct vm *vm = NULL;
	int r = vm_create(call->api->spec.compute, call->body, &vm, err);
	call->result = vm;
	call->task = vm ? vm->task : NULL;
	return r;
}

static int do_cloud_init_check(struct api_call *call, struct err *err)
{
	struct cloud_init_verdict verdict = { 0 };
	cloud_init_check(call->body, &verdict);
	http_answer_json(call->request, 200, schema_encode(&cloud_init_verdict_schema, &verdict, false), NULL);
	schema_done(&cloud_init_verdict_schema, &verdict);
	call->answered = true;
	return 0;
}

static int do_vm_start(struct api_call *call, struct err *err)
{
	return vm_start(call->api->spec.compute, call->id, &call->task, err);
}

static int do_vm_stop(struct api_call *call, struct err *err)
{
	return vm_stop(call->api->spec.compute, call->id, &call->task, err);
}

static int do_vm_delete(struct api_call *call, struct err *err)
{
	return vm_delete(call->api->spec.compute, call->id, &call->task, err);
}

static int do_vm_migrate(struct api_call *call, struct err *err)
{
	const struct vm_migrate *how = call->body;
	return cluster_vm_migrate(call->api->spec.cluster, call->id, how->node, &call->task, err);
}

static int do_task_cancel(struct api_call *call, struct err *err)
{
	return task_cancel(call->api->spec.tasks, call->id, err);
}

static int do_task_retry(struct api_call *call, struct err *err)
{
	return cluster_task_retry(call->api->spec.cluster, call->id, &call->task, err);
}

static int do_openapi(struct api_call *call, struct err *err)
{
	if (!call->api->openapi)
		call->api->openapi = openapi_document();
	http_answer_json(call->request, 200, json_incref(call->api->openapi), NULL);
	call->answered = true;
	return 0;
}

static int do_version(struct api_call *call, struct err *err)
{
	http_answer_json(call->request, 200, json_pack("{s:s, s:s}", "name", "ingot", "version", INGOT_VERSION), NULL);
	call->answered = true;
	return 0;
}

/* Lists and shows need no function: the kind is enough. */
static const struct binding {
	const struct store_kind *kind;
	api_fn fn;
	/* What a worker is to find out about passwords before fn is called; NULL: nothing. */
	int (*passwords)(struct api_call *call, struct password_work **ret_work, struct err *err);
} bindings[OPERATION_COUNT] = {
	[OP_MACHINE_LIST] = { &kind_machine, NULL },
	[OP_MACHINE_SHOW] = { &kind_machine, NULL },
	[OP_MACHINE_ACCEPT] = { &kind_machine, do_machine_accept },
	[OP_MACHINE_DEPLOY] = { &kind_machine, do_machine_deploy },
	[OP_MACHINE_POWER] = { &kind_machine, do_machine_power },
	[OP_MACHINE_UPDATE] = { &kind_machine, do_machine_update },
	[OP_MACHINE_DELETE] = { &kind_machine, do_machine_delete },
	[OP_MACHINE_CONSOLE] = { &kind_machine, api_machine_console },
	[OP_MACHINE_CONSOLE_TICKET] = { &kind_machine, api_machine_console_ticket },
	[OP_MACHINE_SENSORS] = { &kind_machine, api_machine_sensors },
	[OP_MACHINE_SEL] = { &kind_machine, api_machine_sel },
	[OP_BMC_RANGE_LIST] = { &kind_bmc_range, NULL },
	[OP_BMC_RANGE_SHOW] = { &kind_bmc_range, NULL },
	[OP_BMC_RANGE_CREATE] = { &kind_bmc_range, do_bmc_range_create },
	[OP_BMC_RANGE_UPDATE] = { &kind_bmc_range, do_bmc_range_update },
	[OP_BMC_RANGE_DELETE] = { &kind_bmc_range, do_bmc_range_delete },
	[OP_NODE_LIST] = { &kind_node, NULL },
	[OP_NODE_SHOW] = { &kind_node, NULL },
	[OP_NODE_UPDATE] = { &kind_node, do_node_update },
	[OP_NODE_CONFIRM_OFF] = { &kind_node, do_node_confirm_off },
	[OP_POOL_LIST] = { &kind_pool, NULL },
	[OP_POOL_SHOW] = { &kind_pool, NULL },
	[OP_POOL_USAGE] = { &kind_pool, do_pool_usage },
	[OP_IMAGE_LIST] = { &kind_image, NULL },
	[OP_IMAGE_SHOW] = { &kind_image, NULL },
	[OP_IMAGE_CREATE] = { &kind_image, do_image_create },
	[OP_IMAGE_UPLOAD] = { &kind_image, api_image_upload },
	[OP_IMAGE_CONTENT] = { &kind_image, api_image_content },
	[OP_IMAGE_APPEND] = { &kind_image, api_image_append },
	[OP_IMAGE_DELETE] = { &kind_image, do_image_delete },
	[OP_VOLUME_LIST] = { &kind_volume, NULL },
	[OP_VOLUME_SHOW] = { &kind_volume, NULL },
	[OP_VOLUME_CREATE] = { &kind_volume, do_volume_create },
	[OP_VOLUME_DELETE] = { &kind_volume, do_volume_delete },
	[OP_NETWORK_LIST] = { &kind_network, NULL },
	[OP_NETWORK_SHOW] = { &kind_network, NULL },
	[OP_NETWORK_CREATE] = { &kind_network, do_network_create },
	[OP_NETWORK_DELETE] = { &kind_network, do_network_delete },
	[OP_VM_LIST] = { &kind_vm, NULL },
	[OP_VM_SHOW] = { &kind_vm, NULL },
	[OP_VM_CREATE] = { &kind_vm, do_vm_create },
	[OP_VM_START] = { &kind_vm, do_vm_start },
	[OP_VM_STOP] = { &kind_vm, do_vm_stop },
	[OP_VM_MIGRATE] = { &kind_vm, do_vm_migrate },
	[OP_VM_DELETE] = { &kind_vm, do_vm_delete },
	[OP_VM_CONSOLE] = { &kind_vm, api_vm_console },
	[OP_VM_CONSOLE_TICKET] = { &kind_vm, api_vm_console_ticket },
	[OP_CLOUD_INIT_CHECK] = { NULL, do_cloud_init_check },
	[OP_CONSOLE] = { NULL, api_console },
	[OP_TASK_LIST] = { &kind_task, NULL },
	[OP_TASK_SHOW] = { &kind_task, NULL },
	[OP_TASK_CANCEL] = { &kind_task, do_task_cancel },
	[OP_TASK_RETRY] = { &kind_task, do_task_retry },
	[OP_EVENT_LIST] = { NULL, api_events },
	[OP_SESSION_CREATE] = { NULL, api_sign_in, api_prepare_sign_in },
	[OP_SESSION_SHOW] = { NULL, api_session_show },
	[OP_SESSION_DELETE] = { NULL, api_sign_out },
	[OP_SESSION_PASSWORD] = { NULL, api_session_password, api_prepare_password },
	[OP_USER_LIST] = { &kind_user, NULL },
	[OP_USER_SHOW] = { &kind_user, NULL },
	[OP_USER_CREATE] = { &kind_user, api_user_create, api_prepare_user_create },
	[OP_USER_UPDATE] = { &kind_user, api_user_update, api_prepare_user_update },
	[OP_USER_DELETE] = { &kind_user, api_user_delete },
	[OP_TOKEN_LIST] = { &kind_token, NULL },
	[OP_TOKEN_SHOW] = { &kind_token, NULL },
	[OP_TOKEN_CREATE] = { &kind_token, api_token_create },
	[OP_TOKEN_DELETE] = { &kind_token, api_token_delete },
	[OP_JOIN_TOKEN_LIST] = { &kind_join_token, NULL },
	[OP_JOIN_TOKEN_SHOW] = { &kind_join_token, NULL },
	[OP_JOIN_TOKEN_CREATE] = { &kind_join_token, do_join_token_create },
	[OP_JOIN_TOKEN_DELETE] = { &kind_join_token, do_join_token_delete },
	[OP_AUDIT_LIST] = { &kind_audit, NULL },
	[OP_OPENAPI] = { NULL, do_openapi },
	[OP_VERSION] = { NULL, do_version },
	[OP_METRICS] = { NULL, api_metrics },
};

/* ---- what is common: the request ---- */

static int find_resource(struct api_call *call, struct err *err)
{
	const char *wanted = http_request_param(call->request, "id");
	if (!wanted)
		return 0;
	const void *found = store_find(call->api->store, call->kind, wanted);
	if (!found || !api_sees(call, found))
		return err_set(err, ERR_NOT_FOUND, "there is no %s with the id or name '%s'", call->kind->name, wanted);
	call->id = *(char *const *)found;
	return 0;
}

static int check_revision(const struct api_call *call, struct err *err)
{
	const char *wanted = http_request_header(call->request, "If-Match");
	if (!wanted || !call->id)
		return 0;
	_cleanup_free_ char *now =
		xasprintf("\"%lld\"", (long long)store_revision(call->api->store, call->kind, call->id));
	if (str_equal(wanted, now))
		return 0;
	return err_set(err, ERR_REVISION, "the %s is of revision %s, not %s; read it again", call->kind->name, now,
		       wanted);
}

/* What takes nothing is not given anything: who sends a field expects it to do something. */
static int decode_body(struct api_call *call, struct err *err)
{
	const struct schema *schema = call->operation->request ? call->operation->request : &no_body_schema;
	json_t *json = NULL;
	size_t len = 0;
	http_request_body(call->request, &len);
	int r = 0;
	if (len == 0)
		json = json_object(); /* no body is an empty one */
	else
		r = http_request_json(call->request, &json, err);
	if (r < 0)
		return r;
	/* What changes begins with what there is. */
	bool changes = call->operation->kind == OPERATION_UPDATE;
	call->body = changes ? schema_dup(schema, store_get(call->api->store, call->kind, call->id))
			     : xcalloc(1, schema->size);
	r = schema_decode(schema, changes ? SCHEMA_UPDATE : SCHEMA_CREATE, json, call->body, err);
	json_decref(json);
	return r;
}

/* Before the body is read: nobody fills our disk with an upload who may not. */
bool api_admit(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct operation *operation = http_request_route(request)->tag;
	if (!operation) /* api_fallback(): the dashboard's files are for everybody */
		return true;
	struct api_call call = { .api = data, .request = request, .operation = operation };
	_cleanup_free_ char *header = NULL;
	int r = api_authorize(data, request, operation, &call.who, &err);
	if (r == 0 && operation->kind == OPERATION_APPEND)
		r = api_admit_piece(&call, &header, &err);
	if (r == 0)
		return true;
	const char *const headers[] = { header, NULL };
	call.kind = bindings[operation - operations].kind;
	call.address = xstrdup(http_request_peer(request));
	call.object = xstrdup(http_request_param(request, "id"));
	api_audit(&call, &err);
	http_answer_problem_with(request, &err, headers);
	free(call.address);
	free(call.object);
	return false;
}

static const struct schema *body_schema(const struct api_call *call)
{
	return call->operation->request ? call->operation->request : &no_body_schema;
}

static int prepare(struct api_call *call, struct err *err)
{
	/* Again, for the body may have taken its time: what was allowed then may be withdrawn by now. */
	int r = api_authorize(call->api, call->request, call->operation, &call->who, err);
	if (r == 0)
		r = find_resource(call, err);
	if (r == 0)
		r = check_revision(call, err);
	return r == 0 ? decode_body(call, err) : r;
}

/* ---- what is common: the answer ---- */

/* json is stolen. */
static int answer_json(struct api_call *call, int status, const struct store_kind *kind, const void *object,
		       const char *location, json_t *json)
{
	const char *id = *(char *const *)object;
	_cleanup_free_ char *etag = xasprintf("ETag: \"%lld\"", (long long)store_revision(call->api->store, kind, id));
	_cleanup_free_ char *where = location ? xasprintf("Location: %s/%s", location, id) : NULL;
	const char *const headers[] = { etag, where, NULL };
	call->status = status;
	http_answer_json(call->request, status, json, headers);
	return 0;
}

static int answer_resource(struct api_call *call, int status, const struct store_kind *kind, const void *object,
			   const char *location)
{
	return answer_json(call, status, kind, object, location, api_show(call->api, kind, object));
}

static int answer_created(struct api_call *call)
{
	json_t *json = api_show(call->api, call->kind, call->result);
	/* The task that made it, though by now another one may be under way: who asks again waits for the same end. */
	if (call->repeated && json_object_get(json, "task"))
		json_object_set_new(json, "task", call->task ? json_string(call->task) : json_null());
	if (call->token_text)
		json_object_set_new(json, "token", json_string(call->token_text));
	return answer_json(call, call->task ? 202 : 201, call->kind, call->result, call->operation->path, json);
}

static int answer(struct api_call *call, struct err *err)
{
	struct store *store = call->api->store;
	const struct task *task;
	switch (call->operation->kind) {
	case OPERATION_LIST:
		return api_list(call, err);
	case OPERATION_SHOW:
	case OPERATION_UPDATE:
	case OPERATION_ACTION:
		return answer_resource(call, 200, call->kind, store_get(store, call->kind, call->id), NULL);
	case OPERATION_CREATE:
		return answer_created(call);
	case OPERATION_TASK:
	case OPERATION_APPEND:
		task = store_get(store, &kind_task, call->task);
		if (task)
			return answer_resource(call, 202, &kind_task, task, "/v1/tasks");
		break;
	case OPERATION_DELETE:
		http_answer_json(call->request, 204, NULL, NULL);
		return 0;
	case OPERATION_ISSUE:
	case OPERATION_READING:
	case OPERATION_EVENTS:
	case OPERATION_WEBSOCKET:
	case OPERATION_DOCUMENT:
		break;
	}
	return err_set(err, ERR_UNSUPPORTED, "%s is not served by this version", call->operation->name);
}

/* ---- a call from its beginning to its end ---- */

static struct api_call *call_new(struct api *api, struct http_request *request)
{
	struct api_call *call = new0(struct api_call, 1);
	call->api = api;
	call->request = request;
	call->operation = http_request_route(request)->tag;
	call->kind = bindings[call->operation - operations].kind;
	call->address = xstrdup(http_request_peer(request));
	call->object = xstrdup(http_request_param(request, "id"));
	list_init(&call->link);
	return call;
}

static void call_drop_body(struct api_call *call)
{
	call->body = schema_free(body_schema(call), call->body);
}

static void call_free(struct api_call *call)
{
	list_remove(&call->link);
	call_drop_body(call);
	password_work_free(call->passwords);
	free(call->upload);
	if (call->token_text)
		wipe(call->token_text, strlen(call->token_text));
	free(call->token_text);
	free(call->address);
	free(call->object);
	free(call);
}

static void answer_problem(struct api_call *call, const struct err *err)
{
	_cleanup_free_ char *after =
		call->retry_after_s ? xasprintf("Retry-After: %lld", (long long)call->retry_after_s) : NULL;
	const char *const headers[] = { after, NULL };
	http_answer_problem_with(call->request, err, headers);
}

/* r: how it went so far. */
static void finish(struct api_call *call, int r, struct err *err)
{
	api_fn fn = bindings[call->operation - operations].fn;
	if (r == 0 && operation_takes_key(call->operation))
		r = api_once(call, fn, err);
	else if (r == 0 && fn)
		r = fn(call, err);
	if (r == 0 && !call->answered)
		r = answer(call, err);
	bool refused = r < 0 && !call->answered;
	api_audit(call, refused ? err : NULL);
	if (refused)
		answer_problem(call, err);
	call_free(call);
}

static void on_work_done(void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api_call *call = data;
	if (call->gone) {
		call_free(call);
		return;
	}
	/* All of it again: what was known and what was allowed may have changed meanwhile. */
	call_drop_body(call);
	int r = prepare(call, &err);
	if (r == 0 && call->upload_error)
		r = err_set_errno(&err, call->upload_error, "keeping what was sent");
	finish(call, r, &err);
}

static void on_call_gone(void *data)
{
	struct api_call *call = data;
	call->gone = true;
}

/* On a worker: a large file takes its time. */
static void work_upload(void *data)
{
	struct api_call *call = data;
	call->upload_error = sync_file(call->upload);
}

static int begin_upload(struct api_call *call, struct err *err)
{
	int r = api_prepare_upload(call, &call->upload, err);
	if (r == 0 && loop_work(store_loop(call->api->store), UPLOAD_LANE, work_upload, on_work_done, call) < 0)
		r = err_set(err, ERR_BUSY, "too much is waiting for the disk; try again later");
	return r;
}

/* What blocks is done by a worker before the handler is called. 1 if there is anything. */
static int begin_work(struct api_call *call, struct err *err)
{
	const struct binding *binding = &bindings[call->operation - operations];
	bool upload = http_request_route(call->request)->stream_body_to_file;
	int r = binding->passwords ? binding->passwords(call, &call->passwords, err) : 0;
	if (r < 0 || (!call->passwords && !upload))
		return r;
	r = upload ? begin_upload(call, err)
		   : auth_password_work(call->api->auth, call->passwords, on_work_done, call, err);
	if (r < 0)
		return r;
	list_append(&call->api->waiting, &call->link);
	http_request_on_gone(call->request, on_call_gone, call);
	return 1;
}

static void handle(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api_call *call = call_new(data, request);
	int r = prepare(call, &err);
	if (r == 0)
		r = begin_work(call, &err);
	if (r <= 0)
		finish(call, r, &err);
}

/* ---- life ---- */

struct api *api_new(const struct api_spec *spec)
{
	struct api *api = new0(struct api, 1);
	api->spec = *spec;
	api->store = spec->store;
	api->auth = spec->auth;
	list_init(&api->waiting);
	list_init(&api->readings);
	for (size_t i = 0; i < OPERATION_COUNT; i++)
		api->routes[i] = (struct http_route){
			.method = operations[i].method,
			.path = operations[i].path,
			.body_max_bytes = operations[i].body_max_bytes,
			.handler = handle,
			.tag = &operations[i],
			.stream_body_to_file = operations[i].body_max_bytes > MIB,
		};
	agent_queue_start(api);
	rate_table_init(&api->strangers, STRANGERS_KEPT);
	rate_table_init(&api->boots, STRANGERS_KEPT);
	random_bytes(api->creation_key, sizeof(api->creation_key));
	rate_table_init(&api->renewals, RENEWALS_KEPT);
	api_events_register(api);
	api_consoles_register(api);
	return api;
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	struct api_call *call;
	/* A worker may still look at them: they are left to it. */
	LIST_FOREACH(call, &api->waiting, link) {
		list_remove(&call->link);
		call->gone = true;
	}
	agent_queue_stop(api);
	api_events_stop(api);
	api_consoles_stop(api);
	api_readings_stop(api);
	rate_table_done(&api->strangers);
	rate_table_done(&api->boots);
	rate_table_done(&api->renewals);
	json_decref(api->openapi);
	free(api);
	return NULL;
}

const struct http_route *api_routes(struct api *api, size_t *ret_count)
{
	*ret_count = OPERATION_COUNT;
	return api->routes;
}
