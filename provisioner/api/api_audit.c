/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is taken down of a call: who, from where, what, on what, and what came of it; nothing of what was sent. */
#include "api/api_priv.h"

#include "base/log.h"

#define OBJECT_MAX_BYTES 128

static const int statuses[] = {
	[OPERATION_LIST] = 200,	  [OPERATION_SHOW] = 200,      [OPERATION_CREATE] = 201,   [OPERATION_UPDATE] = 200,
	[OPERATION_DELETE] = 204, [OPERATION_ISSUE] = 201,     [OPERATION_ACTION] = 200,   [OPERATION_TASK] = 202,
	[OPERATION_EVENTS] = 200, [OPERATION_WEBSOCKET] = 101, [OPERATION_DOCUMENT] = 200,
};

/* Whose password was tried, if there is such a user: what was typed instead of a name may be a password. */
static const char *tried_name(const struct api_call *call)
{
	const struct sign_in *sign_in = call->body;
	const struct user *user = sign_in ? store_find(call->api->store, &kind_user, sign_in->name) : NULL;
	return user ? user->name : NULL;
}

static bool is_audited(const struct api_call *call, const struct err *err)
{
	const struct operation *operation = call->operation;
	if (operation == &operations[OP_SESSION_CREATE]) /* what is refused unseen costs nothing here, either */
		return call->passwords != NULL;
	bool changes = operation_is_unsafe(operation) || operation->kind == OPERATION_WEBSOCKET;
	/* A question, though it is too long for an address. */
	changes = changes && operation->kind != OPERATION_READING;
	return changes && call->who.role != ROLE_NONE;
}

/* As it is now, else as it was given: it may just have been deleted. */
static char *object_of(const struct api_call *call, const char **ret_id)
{
	const void *object = call->result ? call->result
			     : call->id	  ? store_get(call->api->store, call->kind, call->id)
					  : NULL;
	const char *name = object ? store_name(call->kind, object) : NULL;
	*ret_id = object ? *(char *const *)object : call->id;
	if (name)
		return xstrdup(name);
	return call->object ? xstrndup(call->object, strnlen(call->object, OBJECT_MAX_BYTES)) : xstrdup(*ret_id);
}

void api_audit(struct api_call *call, const struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;
	if (!is_audited(call, err))
		return;
	bool signs_in = call->operation == &operations[OP_SESSION_CREATE];
	const char *id = NULL;
	_cleanup_free_ char *object = object_of(call, &id);
	const struct audit entry = {
		.who = (char *)(signs_in ? tried_name(call) : call->who.name),
		.via = call->who.via,
		.address = call->address,
		.operation = (char *)call->operation->name,
		.resource = (char *)(call->kind ? call->kind->name : NULL),
		.object = object,
		.object_id = (char *)id,
		.status = err		 ? err_meaning(err->code)->http_status
			  : call->status ? call->status
					 : statuses[call->operation->kind],
		.code = (char *)(err ? err_meaning(err->code)->name : NULL),
	};
	if (auth_audit(call->api->auth, &entry, &why) < 0)
		log_error("%s by %s was not taken down: %s", call->operation->name, str_or(entry.who, "nobody"),
			  why.text);
}
