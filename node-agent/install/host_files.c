/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/host_files.h"

#include <jansson.h>

#define AGENT_DIR "/var/lib/ingot/agent"

static struct host_file *add(struct host_files *files, const char *path, mode_t mode)
{
	files->list = xrealloc(files->list, (files->count + 1) * sizeof(files->list[0]));
	files->list[files->count] = (struct host_file){ .path = xstrdup(path), .mode = mode };
	return &files->list[files->count++];
}

void host_files_text(struct host_files *files, const char *path, mode_t mode, char *text)
{
	add(files, path, mode)->text = text;
}

void host_files_link(struct host_files *files, const char *path, const char *target)
{
	add(files, path, 0)->target = xstrdup(target);
}

void host_files_copy(struct host_files *files, const char *path, mode_t mode, const char *source)
{
	add(files, path, mode)->source = xstrdup(source);
}

void host_files_folder(struct host_files *files, const char *path, mode_t mode)
{
	add(files, path, mode);
}

void host_files_own(struct host_files *files, unsigned uid, unsigned gid)
{
	files->list[files->count - 1].uid = uid;
	files->list[files->count - 1].gid = gid;
}

void host_files_done(struct host_files *files)
{
	for (unsigned i = 0; i < files->count; i++) {
		struct host_file *file = &files->list[i];

		if (file->text)
			wipe(file->text, strlen(file->text));
		free(file->text);
		free(file->target);
		free(file->source);
		free(file->path);
	}
	free(files->list);
	*files = (struct host_files){ 0 };
}

char *host_network_text(const char *mac, const char *address, const char *gateway)
{
	return xasprintf("[Match]\nMACAddress=%s\n\n[Network]\nAddress=%s\n%s%s%s", mac, address,
			 gateway ? "Gateway=" : "", str_or(gateway, ""), gateway ? "\n" : "");
}

void host_files_identity(struct host_files *files, const struct host_identity *identity)
{
	json_t *json = json_pack("{s:s*, s:s*, s:s, s:s, s:s*}", "server", identity->server, "ca", identity->ca_pem,
				 "machine", identity->machine, "name", identity->name, "token", identity->token);
	bool joins = !*identity->machine;
	char *text;

	if (json && joins)
		json_object_update_new(json,
				       json_pack("{s:s*, s:{s:s?, s:s?}, s:b, s:s*}", "mac", identity->mac, "disk",
						 "wwn", identity->disk_wwn, "serial", identity->disk_serial,
						 "pool_disks", identity->pool_disks, "handover", identity->handover));
	text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	if (!text)
		abort(); /* out of memory on something small */
	json_decref(json);
	/* The folder will hold the agent's key. */
	host_files_folder(files, AGENT_DIR, 0700);
	host_files_text(files, AGENT_DIR "/identity.json", 0600, text);
}
