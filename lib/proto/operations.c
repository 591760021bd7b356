/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/operations.h"

#define BODY (64 * 1024)
#define VM_BODY (512 * 1024) /* with user data, each byte of which may take six in JSON */
#define LIST(id, word, path, schema, text)                                                                             \
	[id] = { word, OPERATION_LIST, "GET", path, NULL, &schema, ROLE_VIEWER, 0, text }
#define SHOW(id, word, path, schema, text)                                                                             \
	[id] = { word, OPERATION_SHOW, "GET", path, NULL, &schema, ROLE_VIEWER, 0, text }
#define ACT(id, word, kind, method, path, request, response, text)                                                     \
	[id] = { word, kind, method, path, request, response, ROLE_OPERATOR, BODY, text }
#define READ(id, word, kind, path, role, response, text)                                                               \
	[id] = { word, kind, "GET", path, NULL, response, role, 0, text }
#define ADMIN(id, word, kind, method, path, request, response, text)                                                   \
	[id] = { word, kind, method, path, request, response, ROLE_ADMIN, BODY, text }

const struct operation operations[OPERATION_COUNT] = {
	LIST(OP_MACHINE_LIST, "machine.list", "/v1/machines", machine_schema, "List machines"),
	SHOW(OP_MACHINE_SHOW, "machine.show", "/v1/machines/{id}", machine_schema, "Show a machine"),
	ACT(OP_MACHINE_ACCEPT, "machine.accept", OPERATION_ACTION, "POST", "/v1/machines/{id}/accept",
	    &machine_accept_schema, &machine_schema, "Accept a machine that was found"),
	ACT(OP_MACHINE_DEPLOY, "machine.deploy", OPERATION_TASK, "POST", "/v1/machines/{id}/deploy",
	    &machine_deploy_schema, &task_schema, "Install the host system and enroll the machine as a node"),
	ACT(OP_MACHINE_POWER, "machine.power", OPERATION_TASK, "POST", "/v1/machines/{id}/power", &machine_power_schema,
	    &task_schema, "Switch a machine's power through its BMC"),
	ACT(OP_MACHINE_UPDATE, "machine.update", OPERATION_UPDATE, "PATCH", "/v1/machines/{id}", &machine_schema,
	    &machine_schema, "Say where a machine stands"),
	ACT(OP_MACHINE_DELETE, "machine.delete", OPERATION_DELETE, "DELETE", "/v1/machines/{id}", NULL, NULL,
	    "Forget a machine that is new or has failed; it is found again if it is there"),
	ACT(OP_MACHINE_CONSOLE, "machine.console", OPERATION_WEBSOCKET, "GET", "/v1/machines/{id}/console", NULL, NULL,
	    "Serial console over LAN"),
	ACT(OP_MACHINE_CONSOLE_TICKET, "machine.console_ticket", OPERATION_ISSUE, "POST",
	    "/v1/machines/{id}/console-ticket", &console_request_schema, &console_ticket_schema,
	    "Get a ticket for the serial console: good for one WebSocket, for half a minute"),
	READ(OP_MACHINE_SENSORS, "machine.sensors", OPERATION_READING, "/v1/machines/{id}/sensors", ROLE_VIEWER,
	     &machine_sensors_schema, "Read the sensors of a machine through its BMC"),
	READ(OP_MACHINE_SEL, "machine.sel", OPERATION_READING, "/v1/machines/{id}/sel", ROLE_VIEWER,
	     &machine_sel_schema, "Read the system event log of a machine through its BMC"),

	LIST(OP_BMC_RANGE_LIST, "bmc_range.list", "/v1/bmc-ranges", bmc_range_schema,
	     "List where BMCs are looked for, and what the last scan found"),
	SHOW(OP_BMC_RANGE_SHOW, "bmc_range.show", "/v1/bmc-ranges/{id}", bmc_range_schema,
	     "Show a range of BMC addresses"),
	ADMIN(OP_BMC_RANGE_CREATE, "bmc_range.create", OPERATION_CREATE, "POST", "/v1/bmc-ranges", &bmc_range_schema,
	      &bmc_range_schema, "Tell where BMCs are, and with which password they are spoken to"),
	ADMIN(OP_BMC_RANGE_UPDATE, "bmc_range.update", OPERATION_UPDATE, "PATCH", "/v1/bmc-ranges/{id}",
	      &bmc_range_schema, &bmc_range_schema, "Change the user or the password of a range; it is scanned anew"),
	ADMIN(OP_BMC_RANGE_DELETE, "bmc_range.delete", OPERATION_DELETE, "DELETE", "/v1/bmc-ranges/{id}", NULL, NULL,
	      "Look there for BMCs no more; machines that were found stay, and keep their password"),

	LIST(OP_NODE_LIST, "node.list", "/v1/nodes", node_schema, "List nodes"),
	SHOW(OP_NODE_SHOW, "node.show", "/v1/nodes/{id}", node_schema, "Show a node"),
	ACT(OP_NODE_UPDATE, "node.update", OPERATION_UPDATE, "PATCH", "/v1/nodes/{id}", &node_schema, &node_schema,
	    "Give the data disks of a node to the pool"),
	ACT(OP_NODE_CONFIRM_OFF, "node.confirm_off", OPERATION_ACTION, "POST", "/v1/nodes/{id}/confirm-off", NULL,
	    &node_schema, "Confirm that a silent node is off, so that what waits for it may start elsewhere"),

	LIST(OP_POOL_LIST, "pool.list", "/v1/pools", pool_schema, "List pools"),
	SHOW(OP_POOL_SHOW, "pool.show", "/v1/pools/{id}", pool_schema, "Show a pool"),
	READ(OP_POOL_USAGE, "pool.usage", OPERATION_READING, "/v1/pools/{id}/usage", ROLE_VIEWER, &pool_usage_schema,
	     "Show how full a pool was, hour by hour"),

	LIST(OP_IMAGE_LIST, "image.list", "/v1/images", image_schema, "List images"),
	SHOW(OP_IMAGE_SHOW, "image.show", "/v1/images/{id}", image_schema, "Show an image"),
	ACT(OP_IMAGE_CREATE, "image.create", OPERATION_CREATE, "POST", "/v1/images", &image_schema, &image_schema,
	    "Announce an image; its content follows"),
	[OP_IMAGE_UPLOAD] = { "image.upload", OPERATION_TASK, "PUT", "/v1/images/{id}/content", NULL, &task_schema,
			      ROLE_OPERATOR, 64 * GIB, "Upload the content of an image (raw disk) and import it" },
	READ(OP_IMAGE_CONTENT, "image.content", OPERATION_READING, "/v1/images/{id}/content", ROLE_VIEWER,
	     &image_content_schema, "Show how much of an image's content has arrived"),
	[OP_IMAGE_APPEND] = { "image.append", OPERATION_APPEND, "PATCH", "/v1/images/{id}/content", NULL, &task_schema,
			      ROLE_OPERATOR, 64 * GIB,
			      "Send the next piece of the content of an image; the last byte imports it" },
	ACT(OP_IMAGE_DELETE, "image.delete", OPERATION_TASK, "DELETE", "/v1/images/{id}", NULL, &task_schema,
	    "Delete an image"),

	LIST(OP_VOLUME_LIST, "volume.list", "/v1/volumes", volume_schema, "List volumes"),
	SHOW(OP_VOLUME_SHOW, "volume.show", "/v1/volumes/{id}", volume_schema, "Show a volume"),
	ACT(OP_VOLUME_CREATE, "volume.create", OPERATION_CREATE, "POST", "/v1/volumes", &volume_schema, &volume_schema,
	    "Create a volume, empty or cloned from an image"),
	ACT(OP_VOLUME_DELETE, "volume.delete", OPERATION_TASK, "DELETE", "/v1/volumes/{id}", NULL, &task_schema,
	    "Delete a volume and what is on it"),

	LIST(OP_NETWORK_LIST, "network.list", "/v1/networks", network_schema, "List networks"),
	SHOW(OP_NETWORK_SHOW, "network.show", "/v1/networks/{id}", network_schema, "Show a network"),
	ACT(OP_NETWORK_CREATE, "network.create", OPERATION_CREATE, "POST", "/v1/networks", &network_schema,
	    &network_schema, "Create a network"),
	ACT(OP_NETWORK_DELETE, "network.delete", OPERATION_DELETE, "DELETE", "/v1/networks/{id}", NULL, NULL,
	    "Delete a network that no virtual machine is in"),

	LIST(OP_VM_LIST, "vm.list", "/v1/vms", vm_schema, "List virtual machines"),
	SHOW(OP_VM_SHOW, "vm.show", "/v1/vms/{id}", vm_schema, "Show a virtual machine"),
	[OP_VM_CREATE] = { "vm.create", OPERATION_CREATE, "POST", "/v1/vms", &vm_schema, &vm_schema, ROLE_OPERATOR,
			   VM_BODY, "Create a virtual machine" },
	ACT(OP_VM_START, "vm.start", OPERATION_TASK, "POST", "/v1/vms/{id}/start", NULL, &task_schema,
	    "Place and start a virtual machine"),
	ACT(OP_VM_STOP, "vm.stop", OPERATION_TASK, "POST", "/v1/vms/{id}/stop", NULL, &task_schema,
	    "Stop a virtual machine"),
	ACT(OP_VM_MIGRATE, "vm.migrate", OPERATION_TASK, "POST", "/v1/vms/{id}/migrate", &vm_migrate_schema,
	    &task_schema, "Move a running virtual machine to another node, live"),
	ACT(OP_VM_DELETE, "vm.delete", OPERATION_TASK, "DELETE", "/v1/vms/{id}", NULL, &task_schema,
	    "Stop and delete a virtual machine; its volume stays"),
	ACT(OP_VM_CONSOLE, "vm.console", OPERATION_WEBSOCKET, "GET", "/v1/vms/{id}/console", NULL, NULL,
	    "Serial console of a virtual machine"),
	ACT(OP_VM_CONSOLE_TICKET, "vm.console_ticket", OPERATION_ISSUE, "POST", "/v1/vms/{id}/console-ticket",
	    &console_request_schema, &console_ticket_schema,
	    "Get a ticket for the serial console or the screen (VNC): good for one WebSocket, for half a minute"),
	[OP_CLOUD_INIT_CHECK] = { "cloud_init.check", OPERATION_READING, "POST", "/v1/cloud-init/check",
				  &cloud_init_input_schema, &cloud_init_verdict_schema, ROLE_OPERATOR, VM_BODY,
				  "Say what is wrong with data for cloud-init, before a virtual machine is made with it" },
	READ(OP_CONSOLE, "console", OPERATION_WEBSOCKET, "/v1/consoles/{ticket}", ROLE_NONE, NULL,
	     "The console that a ticket is for; the ticket is the credential"),

	LIST(OP_TASK_LIST, "task.list", "/v1/tasks", task_schema, "List tasks"),
	SHOW(OP_TASK_SHOW, "task.show", "/v1/tasks/{id}", task_schema, "Show a task"),
	ACT(OP_TASK_CANCEL, "task.cancel", OPERATION_ACTION, "POST", "/v1/tasks/{id}/cancel", NULL, &task_schema,
	    "Ask a task to stop"),
	ACT(OP_TASK_RETRY, "task.retry", OPERATION_TASK, "POST", "/v1/tasks/{id}/retry", NULL, &task_schema,
	    "Ask once more for what a task did not do, because it failed or was cancelled"),

	[OP_EVENT_LIST] = { "event.list", OPERATION_EVENTS, "GET", "/v1/events", NULL, &event_schema, ROLE_VIEWER, 0,
			    "List events, or follow them as they happen" },

	[OP_SESSION_CREATE] = { "session.create", OPERATION_ISSUE, "POST", "/v1/session", &sign_in_schema,
				&session_schema, ROLE_NONE, BODY, "Sign in with a name and a password" },
	[OP_SESSION_SHOW] = { "session.show", OPERATION_SHOW, "GET", "/v1/session", NULL, &session_schema, ROLE_VIEWER,
			      0, "Show one's own session" },
	[OP_SESSION_DELETE] = { "session.delete", OPERATION_DELETE, "DELETE", "/v1/session", NULL, NULL, ROLE_VIEWER,
				BODY, "Sign out" },
	[OP_SESSION_PASSWORD] = { "session.password", OPERATION_ACTION, "POST", "/v1/session/password",
				  &password_change_schema, &session_schema, ROLE_VIEWER, BODY,
				  "Change one's own password; all other sessions of the user end" },

	READ(OP_USER_LIST, "user.list", OPERATION_LIST, "/v1/users", ROLE_ADMIN, &user_schema, "List users"),
	READ(OP_USER_SHOW, "user.show", OPERATION_SHOW, "/v1/users/{id}", ROLE_ADMIN, &user_schema, "Show a user"),
	ADMIN(OP_USER_CREATE, "user.create", OPERATION_CREATE, "POST", "/v1/users", &user_schema, &user_schema,
	      "Create a user"),
	ADMIN(OP_USER_UPDATE, "user.update", OPERATION_UPDATE, "PATCH", "/v1/users/{id}", &user_schema, &user_schema,
	      "Change a user's role or password, or disable the user"),
	ADMIN(OP_USER_DELETE, "user.delete", OPERATION_DELETE, "DELETE", "/v1/users/{id}", NULL, NULL,
	      "Delete a user and the user's tokens"),

	READ(OP_TOKEN_LIST, "token.list", OPERATION_LIST, "/v1/tokens", ROLE_OPERATOR, &token_schema,
	     "List tokens: an administrator all, others their own"),
	READ(OP_TOKEN_SHOW, "token.show", OPERATION_SHOW, "/v1/tokens/{id}", ROLE_OPERATOR, &token_schema,
	     "Show a token"),
	ACT(OP_TOKEN_CREATE, "token.create", OPERATION_CREATE, "POST", "/v1/tokens", &token_schema, &token_schema,
	    "Create a token; the answer has its text this once"),
	ACT(OP_TOKEN_DELETE, "token.delete", OPERATION_DELETE, "DELETE", "/v1/tokens/{id}", NULL, NULL,
	    "Delete a token"),

	READ(OP_JOIN_TOKEN_LIST, "join_token.list", OPERATION_LIST, "/v1/join-tokens", ROLE_ADMIN, &join_token_schema,
	     "List the tokens by which machines may join"),
	READ(OP_JOIN_TOKEN_SHOW, "join_token.show", OPERATION_SHOW, "/v1/join-tokens/{id}", ROLE_ADMIN,
	     &join_token_schema, "Show a join token, and who joined by it"),
	ADMIN(OP_JOIN_TOKEN_CREATE, "join_token.create", OPERATION_CREATE, "POST", "/v1/join-tokens",
	      &join_token_schema, &join_token_schema,
	      "Create a token by which a machine joins that cannot be installed over the network; the answer has its text this once"),
	ADMIN(OP_JOIN_TOKEN_DELETE, "join_token.delete", OPERATION_DELETE, "DELETE", "/v1/join-tokens/{id}", NULL, NULL,
	      "Delete a join token: nobody joins by it any more"),

	READ(OP_AUDIT_LIST, "audit.list", OPERATION_LIST, "/v1/audit", ROLE_ADMIN, &audit_schema,
	     "List who called what, and what came of it"),

	[OP_OPENAPI] = { "openapi", OPERATION_DOCUMENT, "GET", "/v1/openapi.json", NULL, NULL, ROLE_VIEWER, 0,
			 "This document" },
	[OP_VERSION] = { "version", OPERATION_DOCUMENT, "GET", "/v1/version", NULL, NULL, ROLE_VIEWER, 0,
			 "Version of the provisioner" },
	[OP_METRICS] = { "metrics", OPERATION_DOCUMENT, "GET", "/metrics", NULL, NULL, ROLE_VIEWER, 0,
			 "Prometheus metrics" },
};

bool operation_is_unsafe(const struct operation *operation)
{
	return !str_equal(operation->method, "GET") && !str_equal(operation->method, "HEAD");
}

bool operation_takes_key(const struct operation *operation)
{
	bool begins = (operation->kind == OPERATION_ACTION || operation->kind == OPERATION_TASK) &&
		      str_equal(operation->method, "POST") && strstr(operation->path, "{id}");
	return operation->kind == OPERATION_CREATE || begins;
}

static bool field_is_scalar(const struct field *field)
{
	return field->type != FIELD_OBJECT && field->type != FIELD_OBJECTS && field->type != FIELD_STRINGS &&
	       field->type != FIELD_JSON && !(field->flags & FIELD_INTERNAL);
}

bool field_filters(const struct field *field)
{
	bool list = field->type == FIELD_STRINGS && !(field->flags & FIELD_INTERNAL);
	return list || (field_is_scalar(field) && field->type != FIELD_TIME);
}

bool field_sorts(const struct field *field)
{
	return field_is_scalar(field);
}
