/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What cloud-init is given: files, since others can read a command line. */
#include <errno.h>

#include "cli/print.h"
#include "cli/verbs.h"

/* What is longer is refused by the provisioner, which says how much is right. */
#define FILE_MAX_BYTES (1024 * 1024)

static int read_text(const char *option, const char *path, char **ret, struct err *err)
{
	size_t len = 0;
	int r = read_file(path, FILE_MAX_BYTES, ret, &len);
	if (r < 0)
		return err_set(err, ERR_INVALID, "--%s %s: %s", option, path, strerrordesc_np(-r));
	if (strlen(*ret) == len)
		return 0;
	free(TAKE_PTR(*ret));
	return err_set(err, ERR_INVALID, "--%s %s: is no text", option, path);
}

static int add_text(json_t *body, const char *field, const char *option, const char *path, struct err *err)
{
	char *text = NULL;
	int r = path ? read_text(option, path, &text, err) : 0;
	if (!text)
		return r;
	json_t *json = json_string(text);
	wipe(text, strlen(text));
	free(text);
	if (!json)
		return err_set(err, ERR_INVALID, "--%s %s: is not UTF-8", option, path);
	json_object_set_new(body, field, json);
	return 0;
}

/* As authorized_keys and *.pub files are: empty lines and comments do not count. */
static int add_keys(json_t *keys, const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t before = json_array_size(keys);
	int r = read_text("ssh-key", path, &text, err);
	if (r < 0)
		return r;
	char *next = text, *line;
	while ((line = strsep(&next, "\r\n"))) {
		if (!*line || *line == '#')
			continue;
		json_t *json = json_string(line);
		if (!json)
			return err_set(err, ERR_INVALID, "--ssh-key %s: is not UTF-8", path);
		json_array_append_new(keys, json);
	}
	if (json_array_size(keys) == before)
		return err_set(err, ERR_INVALID, "--ssh-key %s: has no key in it", path);
	return 0;
}

static int add_all_keys(const struct invocation *in, struct err *err)
{
	json_t *keys = json_array();
	int r = 0;
	for (size_t i = 0; r == 0 && i < in->ssh_key_count; i++)
		r = add_keys(keys, in->ssh_keys[i], err);
	if (r == 0 && json_array_size(keys) > 0)
		json_object_set(in->body, "ssh_keys", keys);
	json_decref(keys);
	return r;
}

/* What was given in files becomes part of the request. */
static int add_files(const struct invocation *in, struct err *err)
{
	int r = add_text(in->body, "user_data", "user-data", in->given[OPTION_USER_DATA], err);
	if (r == 0)
		r = add_text(in->body, "network_config", "network-config", in->given[OPTION_NETWORK_CONFIG], err);
	return r == 0 ? add_all_keys(in, err) : r;
}

int verb_vm_create(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (add_files(in, &err) < 0)
		return session_fail(session, in->command, NULL, NULL, &err);
	return verb_act(session, in);
}

int verb_cloud_init_check(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	int r = add_files(in, &err);
	if (r == 0 && json_object_size(in->body) == 0)
		r = err_set(&err, ERR_INVALID,
			    "what to check is missing; give --user-data, --network-config or --ssh-key");
	if (r == 0)
		r = session_operation(session, command_operation(in->command), NULL, in->body, &reply, &err);
	if (r < 0)
		return session_fail(session, in->command, NULL, &reply, &err);
	const json_t *problems = json_object_get(reply.json, "problems");
	if (session->json)
		print_json(session, reply.json);
	else
		print_table(session, &problem_schema, problems);
	return json_array_size(problems) > 0 ? err_meaning(ERR_INVALID)->exit_code : 0;
}
