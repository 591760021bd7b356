/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/event_texts.h"

const struct event_text event_texts[] = {
	{ "bmc_range.changed", "new user or password; {range} is scanned anew" },
	{ "bmc_range.created", "BMCs are looked for at {range}, {count} addresses" },
	{ "bmc_range.deleted", "BMCs are not looked for at {range} any more" },
	{ "disk.added", "disk {disk} of {name} becomes OSD {osd}" },
	{ "join_token.created", "made by {user}; machines that may join by it: {count}" },
	{ "join_token.deleted", "deleted" },
	{ "machine.accepted", "{name} was accepted" },
	{ "machine.bmc-lost", "{name}: {reason}" },
	{ "machine.booted", "{name} booted the live image (MAC {mac}, from {address})" },
	{ "machine.deleted", "{name} was deleted" },
	{ "machine.deployed", "{name} is deployed" },
	{ "machine.failed", "{name} failed: {reason}" },
	{ "machine.found.bmc", "a BMC answers at {address}" },
	{ "machine.found.bmc-failing", "a BMC answers at {address}: {reason}" },
	{ "machine.found.booted", "booted the live image from the network (MAC {mac})" },
	{ "machine.inventory", "{name} was inventoried" },
	{ "machine.joined", "{name} joined from {address}" },
	{ "machine.joined.renamed", "{name} joined from {address}; the name {wanted}, which it has itself, was taken" },
	{ "machine.power", "{name} is {power}" },
	{ "machine.refused", "{count} machines refused: {reason}" },
	{ "machine.refused.one", "1 machine refused: {reason}" },
	{ "machine.zone", "{name} stands in {zone}" },
	{ "machine.zone.none", "where {name} stands is not said any more" },
	{ "network.created", "{name} was created" },
	{ "network.deleted", "{name} was deleted" },
	{ "node.certificate", "{name} got a certificate for itself" },
	{ "node.certificate.guests", "{name} got a certificate for its virtual machines' migrations" },
	{ "node.certificate-expired", "{name}: {reason}" },
	{ "node.changed.given", "its data disks are given to the pool" },
	{ "node.changed.kept", "its data disks are kept out of the pool" },
	{ "node.enrolled", "{name} enrolled" },
	{ "node.heard", "{name} has said what it runs" },
	{ "node.heard.off", "{name} is confirmed to be off" },
	{ "node.ready", "{name} reports" },
	{ "node.unreachable", "{name} has not reported for {seconds} s" },
	{ "pool.bootstrap", "the storage cluster begins on {name}" },
	{ "pool.created", "pool {name}: {count} copies" },
	{ "pool.state", "pool {name} is {state}" },
	{ "pool.state.detail", "pool {name} is {state}: {reason}" },
	{ "provisioner.restored",
	  "the database may be older than what has happened since ({reason}): no virtual machine is started until all "
	  "{count} nodes have said what they run, or are confirmed to be off" },
	{ "provisioner.restored.over", "no node is awaited any more; virtual machines are started again" },
	{ "task.cancelled", "{action} cancelled: {reason}" },
	{ "task.failed", "{action} failed: {reason}" },
	{ "task.started", "{action} started" },
	{ "task.succeeded", "{action} succeeded" },
	{ "token.created", "made by {user}, role {role}" },
	{ "token.deleted", "deleted" },
	{ "user.changed", "role {role}" },
	{ "user.changed.disabled", "role {role}, disabled" },
	{ "user.changed.disabled-password", "role {role}, disabled, new password" },
	{ "user.changed.file", "the password was set from a file" },
	{ "user.changed.own-password", "changed the own password" },
	{ "user.changed.password", "role {role}, new password" },
	{ "user.created", "role {role}" },
	{ "user.deleted", "deleted, with sessions and tokens" },
	{ "vm.created", "{name} was created" },
	{ "vm.deleted", "{name} was deleted" },
	{ "vm.ended", "{name} powered itself off" },
	{ "vm.failed", "{name} failed: {reason}" },
	{ "vm.found", "{name} runs on {node} and not where it was thought to be" },
	{ "vm.lost", "{name}: {reason}" },
	{ "vm.migrated", "{name} moved to {node}" },
	{ "vm.migrated.late", "{name} moved to {node} before that could be called off" },
	{ "vm.running", "{name} runs" },
	{ "vm.stopped", "{name} is stopped" },
	{ "vm.stray", "{name} runs on {node}, where it is not expected; it is started nowhere else while it does" },
	{ "vm.stray.deleted",
	  "{name} has virtual machine {vm} ({id}), which was deleted meanwhile; it is ended there" },
	{ "vm.stray.unknown",
	  "{name} runs a virtual machine {id} that is not known here; it is left alone, and ends with \"virsh destroy "
	  "ingot-{id}\" on the node" },
	{ "vm.unknown", "the node of {name} does not answer; it may still run" },
	{ "vm.unknown.absent",
	  "the node of {name} does not have it; if it runs nowhere else, stop it and start it again" },
};
const size_t event_text_count = ARRAY_SIZE(event_texts);

const struct event_text *event_text_find(const char *code)
{
	for (size_t i = 0; i < event_text_count; i++)
		if (str_equal(event_texts[i].code, code))
			return &event_texts[i];
	return NULL;
}

char *event_text_kind(const char *code)
{
	const char *dot = strchr(code, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
	return xstrndup(code, second ? (size_t)(second - code) : strlen(code));
}

static const char *value_of(const char *key, size_t len, const char *name, const json_t *params)
{
	_cleanup_free_ char *word = xstrndup(key, len);
	const char *value = json_string_value(json_object_get(params, word));
	return !value && str_equal(word, "name") ? name : value;
}

char *event_text_fill(const char *text, const char *name, const json_t *params)
{
	struct strbuf filled = { 0 };
	while (*text) {
		size_t plain = strcspn(text, "{"), word = 0;
		strbuf_add(&filled, text, plain);
		text += plain;
		if (!*text)
			break;
		word = strcspn(++text, "}");
		strbuf_adds(&filled, str_or(value_of(text, word, name, params), ""));
		text += word + (text[word] == '}');
	}
	return strbuf_take(&filled);
}

json_t *event_texts_json(void)
{
	json_t *all = json_object();
	for (size_t i = 0; i < event_text_count; i++)
		json_object_set_new(all, event_texts[i].code, json_string(event_texts[i].text));
	return all;
}
