/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/cloud_init.h"

#include <ctype.h>
#include <stdio.h>
#include <yaml.h>

#define SSH_KEY_MAX_BYTES (16 * 1024)

/* ---- YAML ---- */

enum yaml_top { YAML_NOTHING, YAML_TEXT, YAML_LIST, YAML_MAPPING };

/* What is looked at of a document: what it is, and the keys right below the top that matter. */
struct yaml_look {
	enum yaml_top top;
	bool network; /* has "network" */
	char version; /* '1', '2'; 0: has none, '?': another one */
};

static int refuse_yaml(const char *field, const yaml_parser_t *parser, struct err *err)
{
	/* Marks count from 0. A reader's problem (bytes that are no UTF-8) has none. */
	if (parser->error == YAML_READER_ERROR)
		return err_set_field(err, ERR_INVALID, field, "%s: is no YAML: a byte that may not be in a text",
				     field);
	return err_set_field(err, ERR_INVALID, field, "%s: line %zu, column %zu: is no YAML: %s", field,
			     parser->problem_mark.line + 1, parser->problem_mark.column + 1,
			     str_or(parser->problem, "cannot be read"));
}

static bool is_scalar(const yaml_event_t *event, const char *text)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == strlen(text) &&
	       memcmp(event->data.scalar.value, text, strlen(text)) == 0;
}

static char version_of(const yaml_event_t *event)
{
	return is_scalar(event, "1") ? '1' : is_scalar(event, "2") ? '2' : '?';
}

struct yaml_walk {
	struct yaml_look look;
	int depth;
	bool value;	 /* right below the top: what comes is a value */
	bool is_version; /* ... of the key "version" */
	bool over;
};

/* One more node right below the top mapping. */
static void walk_child(struct yaml_walk *walk, const yaml_event_t *event)
{
	if (walk->value && walk->is_version)
		walk->look.version = version_of(event);
	if (!walk->value) {
		walk->is_version = is_scalar(event, "version");
		walk->look.network |= is_scalar(event, "network");
	}
	walk->value = !walk->value;
}

static void walk_event(struct yaml_walk *walk, const yaml_event_t *event)
{
	bool opens = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
	bool closes = event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;
	bool node = opens || event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT;
	if (node && walk->depth == 0)
		walk->look.top = event->type == YAML_MAPPING_START_EVENT			      ? YAML_MAPPING
				 : event->type == YAML_SEQUENCE_START_EVENT			      ? YAML_LIST
				 : event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 ? YAML_NOTHING
												      : YAML_TEXT;
	else if (node && walk->depth == 1 && walk->look.top == YAML_MAPPING)
		walk_child(walk, event);
	walk->depth += opens - closes;
	walk->over = event->type == YAML_STREAM_END_EVENT;
}

static int look_at_yaml(const char *field, const char *text, struct yaml_look *ret, struct err *err)
{
	struct yaml_walk walk = { 0 };
	yaml_parser_t parser;
	int r = 0;
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	while (r == 0 && !walk.over) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			r = refuse_yaml(field, &parser, err);
			break;
		}
		walk_event(&walk, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (r == 0)
		*ret = walk.look;
	return r;
}

/* ---- user data ---- */

static int check_yaml_is(const char *text, enum yaml_top wanted, const char *right, struct err *err)
{
	struct yaml_look look;
	int r = look_at_yaml("user_data", text, &look, err);
	if (r < 0 || look.top == YAML_NOTHING || look.top == wanted)
		return r;
	return err_set_field(err, ERR_INVALID, "user_data", "user_data: below its first line must be %s", right);
}

static int check_cloud_config(const char *text, struct err *err)
{
	return check_yaml_is(text, YAML_MAPPING, "a YAML mapping: lines of \"key: value\"", err);
}

static int check_archive(const char *text, struct err *err)
{
	return check_yaml_is(text, YAML_LIST, "a YAML list of parts", err);
}

static const struct beginning {
	const char *text;
	bool line; /* nothing else is on that line */
	bool any_case;
	int (*check)(const char *text, struct err *err);
} beginnings[] = {
	{ "#cloud-config", true, false, check_cloud_config },
	{ "#cloud-config-archive", true, false, check_archive },
	{ "#!", false, false, NULL },
	{ "#include", true, false, NULL },
	{ "#include-once", true, false, NULL },
	{ "#cloud-boothook", true, false, NULL },
	{ "#part-handler", true, false, NULL },
	{ "## template: jinja", true, false, NULL },
	{ "content-type:", false, true, NULL },
	{ "mime-version:", false, true, NULL },
};

static bool begins(const char *text, const struct beginning *beginning)
{
	size_t len = strlen(beginning->text);
	int differs =
		beginning->any_case ? strncasecmp(text, beginning->text, len) : strncmp(text, beginning->text, len);
	if (differs)
		return false;
	text += len;
	text += beginning->line ? strspn(text, " \t\r") : 0;
	return !beginning->line || *text == '\n' || *text == '\0';
}

int cloud_init_check_user_data(const char *text, struct err *err)
{
	for (size_t i = 0; text && i < ARRAY_SIZE(beginnings); i++)
		if (begins(text, &beginnings[i]))
			return beginnings[i].check ? beginnings[i].check(text, err) : 0;
	if (!text)
		return 0;
	return err_set_field(
		err, ERR_INVALID, "user_data",
		"user_data: line 1: says not what it is; begin with \"#cloud-config\", a script's \"#!\" or "
		"a MIME header (\"Content-Type: ...\")");
}

/* ---- network configuration ---- */

int cloud_init_check_network_config(const char *text, struct err *err)
{
	static const char field[] = "network_config";
	struct yaml_look look;
	int r = text ? look_at_yaml(field, text, &look, err) : 0;
	if (!text || r < 0)
		return r;
	if (look.top != YAML_MAPPING)
		return err_set_field(err, ERR_INVALID, field, "%s: must be a YAML mapping with \"version: 2\"", field);
	if (look.version == '?')
		return err_set_field(err, ERR_INVALID, field, "%s: version: must be 1 or 2", field);
	if (!look.version && !look.network)
		return err_set_field(err, ERR_INVALID, field, "%s: \"version: 2\" (or 1) is missing at its top", field);
	return 0;
}

/* ---- public keys ---- */

static const char *const key_types[] = { "ssh-ed25519",
					 "ssh-rsa",
					 "ecdsa-sha2-nistp256",
					 "ecdsa-sha2-nistp384",
					 "ecdsa-sha2-nistp521",
					 "sk-ssh-ed25519@openssh.com",
					 "sk-ecdsa-sha2-nistp256@openssh.com" };

static bool is_key_type(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_types); i++)
		if (strlen(key_types[i]) == len && memcmp(key_types[i], text, len) == 0)
			return true;
	return false;
}

/* The key itself begins with its type, after the length of that (RFC 4253 section 6.6): one that was cut, or is not the key of
 * its line, is seen. */
static bool blob_fits(const char *base64, size_t base64_len, const char *type, size_t type_len)
{
	_cleanup_free_ char *text = xstrndup(base64, base64_len);
	void *blob = NULL;
	size_t len = 0;
	if (base64_decode(text, &blob, &len) < 0)
		return false;
	const unsigned char *bytes = blob;
	bool fits = len > 4 + type_len && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0 && bytes[3] == type_len &&
		    memcmp(bytes + 4, type, type_len) == 0;
	free(blob);
	return fits;
}

static const char *key_problem(const char *key)
{
	if (strlen(key) > SSH_KEY_MAX_BYTES)
		return "is too long for a public key";
	if (strstr(key, "PRIVATE KEY"))
		return "is a private key; give the public one, of the file that ends in .pub";
	for (const char *c = key; *c; c++)
		if (iscntrl((unsigned char)*c))
			return "must be one line";
	size_t type = strcspn(key, " ");
	if (!is_key_type(key, type) || !key[type])
		return "must begin with the type of a key, such as \"ssh-ed25519 \", and have no options";
	const char *blob = key + type + 1;
	return blob_fits(blob, strcspn(blob, " "), key, type) ? NULL : "is broken: its middle part is no such key";
}

int cloud_init_check_ssh_keys(char *const *keys, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *problem = key_problem(keys[i]);
		if (problem)
			return err_set_field(err, ERR_INVALID, "ssh_keys", "ssh_keys[%zu]: %s", i, problem);
	}
	return 0;
}

/* ---- all of it ---- */

static void note(struct cloud_init_verdict *verdict, struct err *err)
{
	if (err->code == ERR_NONE)
		return;
	struct problem *problem = schema_list_add(&cloud_init_verdict_schema, verdict, "problems");
	struct problem *made = problem_new(err);
	*problem = *made;
	free(made);
	err_done(err);
}

void cloud_init_check(const struct cloud_init_input *input, struct cloud_init_verdict *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct cloud_init_verdict verdict = { 0 };
	cloud_init_check_user_data(input->user_data, &err);
	note(&verdict, &err);
	cloud_init_check_network_config(input->network_config, &err);
	note(&verdict, &err);
	cloud_init_check_ssh_keys(input->ssh_keys, input->ssh_key_count, &err);
	note(&verdict, &err);
	*ret = verdict;
}

/* JSON is YAML: nothing that is in a name or a key's comment means anything else there. */
static json_t *meta_data(const struct vm *vm)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < vm->ssh_key_count; i++)
		json_array_append_new(keys, json_string(vm->ssh_keys[i]));
	json_t *json = json_pack("{s:s, s:s, s:o}", "instance-id", vm->id, "local-hostname",
				 vm->hostname ? vm->hostname : vm->name, "public-keys", keys);
	_cleanup_free_ char *dump = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_decref(json);
	_cleanup_free_ char *text = xasprintf("%s\n", dump);
	return json_string(text);
}

json_t *cloud_init_seed(const struct vm *vm)
{
	if (!vm->cloud_init)
		return NULL;
	/* Both files have to be there for the seed to be one. */
	return json_pack("{s:o, s:s, s:s?}", "meta_data", meta_data(vm), "user_data",
			 vm->user_data ? vm->user_data : "#cloud-config\n{}\n", "network_config", vm->network_config);
}

size_t cloud_init_seed_bytes(const struct vm *vm)
{
	json_t *seed = cloud_init_seed(vm);
	size_t bytes = seed ? json_dumpb(seed, NULL, 0, JSON_COMPACT) : 0;
	json_decref(seed);
	return bytes;
}
