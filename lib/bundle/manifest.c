/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include <jansson.h>

#include "bundle/bundle_priv.h"

static const struct {
	const char *name;
	const char *file;
} part_types[BUNDLE_PART_TYPE_COUNT] = {
	[BUNDLE_KERNEL] = { "kernel", "vmlinuz" },
	[BUNDLE_INITRD] = { "initrd", "initrd" },
	[BUNDLE_BIOS_BOOT] = { "bios-boot", "boot.img" },
	[BUNDLE_BIOS_CORE] = { "bios-core", "core.img" },
	[BUNDLE_EFI_SHIM] = { "efi-shim", "shimx64.efi" },
	[BUNDLE_EFI_KEYS] = { "efi-keys", "mmx64.efi" },
	[BUNDLE_EFI_LOADER] = { "efi-loader", "grubx64.efi" },
	[BUNDLE_EFI_CHAIN] = { "efi-chain", "chain-grubx64.efi" },
	[BUNDLE_ROOT] = { "root", "root.squashfs" },
};

const char *bundle_part_type_name(enum bundle_part_type type)
{
	return type < BUNDLE_PART_TYPE_COUNT ? part_types[type].name : "unknown";
}

const char *bundle_part_file_name(enum bundle_part_type type)
{
	return part_types[type].file;
}

int bundle_part_type_from_name(const char *name, enum bundle_part_type *ret)
{
	for (unsigned i = 0; i < BUNDLE_PART_TYPE_COUNT; i++) {
		if (str_equal(part_types[i].name, name)) {
			*ret = i;
			return 0;
		}
	}
	return -ENOENT;
}

void bundle_manifest_done(struct bundle_manifest *manifest)
{
	free(manifest->name);
	free(manifest->version);
	free(manifest->architecture);
	for (unsigned i = 0; i < manifest->part_count; i++)
		free(manifest->parts[i].name);
	*manifest = (struct bundle_manifest){ 0 };
}

#define _cleanup_manifest_ _cleanup_(bundle_manifest_done)

/* A word that is safe in a file name, a log line and a kernel command line. */
static bool word_valid(const char *s, size_t max)
{
	size_t len = strlen(s);

	if (len == 0 || len > max || s[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("._+~-", s[i]))
			return false;
	}
	return true;
}

static int take_word(json_t *object, const char *key, size_t max, char **ret, struct err *err)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_string(value) || json_string_length(value) != strlen(json_string_value(value)) ||
	    !word_valid(json_string_value(value), max))
		return err_set(err, ERR_CORRUPT,
			       "\"%s\" is missing or not a word of at most %zu letters, digits and ._+~-", key, max);
	*ret = xstrdup(json_string_value(value));
	return 0;
}

static int refuse_other_keys(json_t *object, const char *const *keys, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		bool known = false;

		for (unsigned i = 0; keys[i]; i++)
			known = known || str_equal(keys[i], key);
		if (!known)
			return err_set(err, ERR_CORRUPT, "unknown key \"%.64s\"", key);
	}
	return 0;
}

static int parse_part(json_t *object, const struct bundle_manifest *so_far, struct bundle_part *part, struct err *err)
{
	static const char *const keys[] = { "name", "type", "size", "sha256", NULL };
	json_t *size = json_object_get(object, "size");
	const char *type = json_string_value(json_object_get(object, "type"));
	const char *hash = json_string_value(json_object_get(object, "sha256"));
	int r;

	if (!json_is_object(object))
		return err_set(err, ERR_CORRUPT, "not an object");
	r = refuse_other_keys(object, keys, err);
	if (r < 0)
		return r;
	if (!type || bundle_part_type_from_name(type, &part->type) < 0)
		return err_set(err, ERR_CORRUPT, "unknown type \"%.32s\"", str_or(type, ""));
	if (!json_is_integer(size) || json_integer_value(size) < 1 ||
	    (uint64_t)json_integer_value(size) > BUNDLE_PART_MAX_BYTES)
		return err_set(err, ERR_CORRUPT, "\"size\" is not a number from 1 to %" PRIu64,
			       (uint64_t)BUNDLE_PART_MAX_BYTES);
	part->size_bytes = (uint64_t)json_integer_value(size);
	if (!hash || hex_decode(hash, part->sha256, SHA256_SIZE) < 0)
		return err_set(err, ERR_CORRUPT, "\"sha256\" is not %d hexadecimal digits", 2 * SHA256_SIZE);
	r = take_word(object, "name", 64, &part->name, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < so_far->part_count; i++) {
		if (str_equal(so_far->parts[i].name, part->name) || so_far->parts[i].type == part->type)
			return err_set(err, ERR_CORRUPT, "a part of this name or type came before");
	}
	if (so_far->part_count && so_far->parts[so_far->part_count - 1].type == BUNDLE_ROOT)
		return err_set(err, ERR_CORRUPT, "the root part is not the last one");
	return 0;
}

static int parse_parts(json_t *parts, struct bundle_manifest *manifest, struct err *err)
{
	size_t count = json_array_size(parts);

	if (!json_is_array(parts) || count == 0 || count > BUNDLE_PARTS_MAX)
		return err_set(err, ERR_CORRUPT, "\"parts\" is not a list of 1 to %d parts", BUNDLE_PARTS_MAX);
	for (unsigned i = 0; i < count; i++) {
		struct bundle_part part = { 0 };
		int r = parse_part(json_array_get(parts, i), manifest, &part, err);

		if (r < 0) {
			free(part.name);
			return err_prefix(err, "parts[%u]", i);
		}
		manifest->parts[manifest->part_count++] = part;
	}
	return 0;
}

static int parse_fields(json_t *root, struct bundle_manifest *manifest, struct err *err)
{
	static const char *const keys[] = { "format", "name", "version", "architecture", "parts", NULL };
	json_t *format = json_object_get(root, "format");
	int r;

	/* The format first: what else may stand here depends on it. */
	if (!json_is_integer(format))
		return err_set(err, ERR_CORRUPT, "\"format\" is missing or not a number");
	if (json_integer_value(format) != BUNDLE_FORMAT)
		return err_set(err, ERR_UNSUPPORTED, "format %" JSON_INTEGER_FORMAT " is not supported, only %d",
			       json_integer_value(format), BUNDLE_FORMAT);
	r = refuse_other_keys(root, keys, err);
	if (r < 0)
		return r;
	r = take_word(root, "name", 64, &manifest->name, err);
	if (r < 0)
		return r;
	r = take_word(root, "version", 64, &manifest->version, err);
	if (r < 0)
		return r;
	r = take_word(root, "architecture", 32, &manifest->architecture, err);
	if (r < 0)
		return r;
	if (!str_equal(manifest->architecture, BUNDLE_ARCHITECTURE))
		return err_set(err, ERR_UNSUPPORTED, "architecture %s is not supported, only %s",
			       manifest->architecture, BUNDLE_ARCHITECTURE);
	return parse_parts(json_object_get(root, "parts"), manifest, err);
}

int bundle_manifest_parse(const char *text, size_t len, struct bundle_manifest *ret, struct err *err)
{
	_cleanup_manifest_ struct bundle_manifest manifest = { 0 };
	_cleanup_json_ json_t *root = NULL;
	json_error_t problem;
	int r;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
	if (!json_is_object(root))
		return err_set(err, ERR_CORRUPT, "the manifest is not a JSON object%s%s", root ? "" : ": ",
			       root ? "" : problem.text);
	r = parse_fields(root, &manifest, err);
	if (r < 0)
		return err_prefix(err, "manifest");
	*ret = manifest;
	manifest = (struct bundle_manifest){ 0 };
	return 0;
}

char *bundle_manifest_format(const struct bundle_manifest *manifest)
{
	_cleanup_json_ json_t *root = NULL;
	json_t *parts = json_array();
	char *text;

	for (unsigned i = 0; i < manifest->part_count; i++) {
		const struct bundle_part *part = &manifest->parts[i];
		_cleanup_free_ char *hash = hex_encode(part->sha256, SHA256_SIZE);

		json_array_append_new(parts, json_pack("{s:s, s:s, s:I, s:s}", "name", part->name, "type",
						       bundle_part_type_name(part->type), "size",
						       (json_int_t)part->size_bytes, "sha256", hash));
	}
	root = json_pack("{s:i, s:s, s:s, s:s, s:o}", "format", BUNDLE_FORMAT, "name", manifest->name, "version",
			 manifest->version, "architecture", manifest->architecture, "parts", parts);
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (!text)
		abort(); /* out of memory on something small */
	return text;
}
