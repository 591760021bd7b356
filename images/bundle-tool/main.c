/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-bundle: makes and checks host image bundles. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "bundle/bundle.h"

#define KEY_MAX_BYTES ((size_t)(16 * KIB))

struct options {
	const char *key, *name, *version, *out;
	char **operands;
	int operand_count;
};

struct command {
	const char *name;
	int (*run)(const struct options *options, struct err *err);
	const char *usage;
	const char *help;
};

static int require(const char *value, const char *option, struct err *err)
{
	return value ? 0 : err_set_field(err, ERR_INVALID, option, "%s is missing", option);
}

static int read_key(const char *path, char **ret_pem, struct err *err)
{
	size_t len;
	int r = require(path, "--key", err);

	if (r < 0)
		return r;
	r = read_file(path, KEY_MAX_BYTES, ret_pem, &len);
	return r < 0 ? err_set_errno(err, r, "%s", path) : 0;
}

/* "TYPE=PATH"; path points into the text. */
static int parse_source(const char *text, struct bundle_source *ret, struct err *err)
{
	const char *equals = strchr(text, '=');
	_cleanup_free_ char *type = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;

	if (!type || !equals[1])
		return err_set(err, ERR_INVALID, "\"%s\" is not TYPE=PATH", text);
	if (bundle_part_type_from_name(type, &ret->type) < 0) {
		_cleanup_strbuf_ struct strbuf known = { 0 };

		for (unsigned i = 0; i < BUNDLE_PART_TYPE_COUNT; i++)
			strbuf_addf(&known, "%s%s", i ? ", " : "", bundle_part_type_name(i));
		return err_set(err, ERR_INVALID, "\"%s\" is no type of part; there are %s", type, known.data);
	}
	ret->path = equals + 1;
	return 0;
}

static int run_create(const struct options *o, struct err *err)
{
	struct bundle_source sources[BUNDLE_PARTS_MAX];
	_cleanup_free_ char *key = NULL;
	int r;

	r = require(o->out, "--out", err);
	if (r == 0)
		r = require(o->version, "--version", err);
	if (r == 0)
		r = read_key(o->key, &key, err);
	if (r < 0)
		return r;
	if (o->operand_count < 1 || o->operand_count > BUNDLE_PARTS_MAX)
		return err_set(err, ERR_INVALID, "name 1 to %d parts as TYPE=PATH", BUNDLE_PARTS_MAX);
	for (int i = 0; i < o->operand_count && r == 0; i++)
		r = parse_source(o->operands[i], &sources[i], err);
	if (r == 0)
		r = bundle_create(o->out, str_or(o->name, "host"), o->version, key, sources, (unsigned)o->operand_count,
				  err);
	if (key)
		wipe(key, strlen(key));
	return r;
}

static void print_manifest(const struct bundle_manifest *manifest)
{
	printf("%s %s %s\n", manifest->name, manifest->version, manifest->architecture);
	for (unsigned i = 0; i < manifest->part_count; i++) {
		const struct bundle_part *part = &manifest->parts[i];
		_cleanup_free_ char *hash = hex_encode(part->sha256, SHA256_SIZE);

		printf("%-12s %-16s %12" PRIu64 "  %s\n", bundle_part_type_name(part->type), part->name,
		       part->size_bytes, hash);
	}
}

static int run_verify(const struct options *o, struct err *err)
{
	struct bundle_manifest manifest;
	_cleanup_free_ char *key = NULL;
	int r = read_key(o->key, &key, err);

	if (r < 0)
		return r;
	if (o->operand_count != 1)
		return err_set(err, ERR_INVALID, "name one bundle");
	r = bundle_verify(o->operands[0], key, &manifest, err);
	if (r < 0)
		return r;
	print_manifest(&manifest);
	bundle_manifest_done(&manifest);
	return 0;
}

static int run_keygen(const struct options *o, struct err *err)
{
	_cleanup_free_ char *key_path = NULL, *pub_path = NULL, *key = NULL, *pub = NULL;
	int r = require(o->out, "--out", err);

	if (r < 0)
		return r;
	key_path = xasprintf("%s/signing.key", o->out);
	pub_path = xasprintf("%s/signing.pub", o->out);
	if (access(key_path, F_OK) == 0)
		return err_set(err, ERR_EXISTS, "%s is there already and would be lost", key_path);
	r = mkdir_p(o->out, 0755);
	if (r < 0)
		return err_set_errno(err, r, "%s", o->out);
	r = ed25519_keygen(&key, &pub, err);
	if (r < 0)
		return r;
	r = write_file_atomic(key_path, key, strlen(key), 0600);
	wipe(key, strlen(key));
	if (r < 0)
		return err_set_errno(err, r, "%s", key_path);
	r = write_file_atomic(pub_path, pub, strlen(pub), 0644);
	return r < 0 ? err_set_errno(err, r, "%s", pub_path) : 0;
}

static const struct command commands[] = {
	{ "create", run_create, "create --key PRIVATE.pem --version V [--name NAME] --out FILE TYPE=PATH...",
	  "make a signed bundle from files" },
	{ "verify", run_verify, "verify --key PUBLIC.pem FILE", "check the signature and every hash; list the parts" },
	{ "keygen", run_keygen, "keygen --out DIR", "make signing.key (mode 0600) and signing.pub" },
};

static void print_help(void)
{
	printf("Makes and checks host image bundles.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  ingot-bundle %s\n      %s\n", commands[i].usage, commands[i].help);
	printf("\nTypes of parts:");
	for (unsigned i = 0; i < BUNDLE_PART_TYPE_COUNT; i++)
		printf(" %s", bundle_part_type_name(i));
	printf("\n");
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option table[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "name", required_argument, NULL, 'n' },
		{ "version", required_argument, NULL, 'v' },
		{ "out", required_argument, NULL, 'o' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'k':
			ret->key = optarg;
			break;
		case 'n':
			ret->name = optarg;
			break;
		case 'v':
			ret->version = optarg;
			break;
		case 'o':
			ret->out = optarg;
			break;
		default:
			return -EINVAL; /* getopt has said what is wrong */
		}
	}
	ret->operands = argv + optind;
	ret->operand_count = argc - optind;
	return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct options options = { 0 };

	if (parse_options(argc, argv, &options) < 0)
		return err_meaning(ERR_INVALID)->exit_code;
	if (command->run(&options, &err) == 0)
		return 0;
	fprintf(stderr, "ingot-bundle %s: %s\n", command->name, str_or(err.text, "failed"));
	if (err.code == ERR_INVALID)
		fprintf(stderr, "usage: ingot-bundle %s\n", command->usage);
	return err_meaning(err.code)->exit_code;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (str_equal(word, "--help") || str_equal(word, "-h") || str_equal(word, "help")) {
		print_help();
		return 0;
	}
	if (str_equal(word, "--version")) {
		printf("ingot-bundle %s\n", INGOT_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (str_equal(commands[i].name, word))
			return run(&commands[i], argc - 1, argv + 1);
	}
	fprintf(stderr, "ingot-bundle: %s%s; see ingot-bundle --help\n",
		*word ? "unknown command " : "no command given", word);
	return err_meaning(ERR_INVALID)->exit_code;
}
