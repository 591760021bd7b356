/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A structure with a field of every type, through every mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/operations.h"

enum color { RED, GREEN, BLUE };
static const char *const color_words[] = { "red", "green", "blue", NULL };

struct part {
	char *name;
	int64_t weight;
	char *secret;
};
static const struct field part_fields[] = {
	F(struct part, name, FIELD_STRING, FIELD_CREATE | FIELD_REQUIRED, .max = 8, .help = "name of the part"),
	F(struct part, weight, FIELD_INT, FIELD_CREATE | FIELD_UPDATE, .min = 1, .max = 9, .initial = "5"),
	F(struct part, secret, FIELD_STRING, FIELD_INTERNAL),
};
static const struct schema part_schema = SCHEMA("part", struct part, part_fields, "a part");

struct thing {
	char *id, *name, *note;
	int64_t number, signed_number;
	bool flag, other;
	int color;
	uint64_t size_bytes;
	int64_t time;
	struct part *part;
	struct part *parts;
	size_t part_count;
	char **tags;
	size_t tag_count;
	json_t *extra;
	char *secret;
};
#define BOTH (FIELD_CREATE | FIELD_UPDATE)
static const struct field thing_fields[] = {
	F(struct thing, id, FIELD_STRING, 0),
	F(struct thing, name, FIELD_STRING, BOTH | FIELD_REQUIRED, .format = FORMAT_NAME, .help = "what it is called"),
	F(struct thing, note, FIELD_STRING, BOTH, .min = 2, .max = 5, .initial = "none"),
	F(struct thing, number, FIELD_INT, BOTH, .min = 1, .max = 10, .initial = "3"),
	F(struct thing, signed_number, FIELD_INT, BOTH, .min = -5),
	F(struct thing, flag, FIELD_BOOL, BOTH, .initial = "true"),
	F(struct thing, other, FIELD_BOOL, BOTH),
	F(struct thing, color, FIELD_ENUM, BOTH, .words = color_words, .initial = "green"),
	F(struct thing, size_bytes, FIELD_BYTES, BOTH, .min = 1024, .max = 4 * (int64_t)GIB, .initial = "1 MiB"),
	F(struct thing, time, FIELD_TIME, BOTH),
	F(struct thing, part, FIELD_OBJECT, BOTH, .of = &part_schema),
	F_LIST(struct thing, parts, part_count, FIELD_OBJECTS, BOTH, .of = &part_schema, .max = 3),
	F_LIST(struct thing, tags, tag_count, FIELD_STRINGS, BOTH, .format = FORMAT_NAME, .min = 0, .max = 3),
	F(struct thing, extra, FIELD_JSON, BOTH),
	F(struct thing, secret, FIELD_STRING, FIELD_INTERNAL),
};
static const struct schema thing_schema = SCHEMA("thing", struct thing, thing_fields, "a thing");

static json_t *parse(const char *text)
{
	json_error_t where;
	json_t *json = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, &where);
	if (!json)
		fail_msg("%s: %s", where.text, text);
	return json;
}

static int decode(enum schema_mode mode, const char *text, struct thing *thing, struct err *err)
{
	json_t *json = parse(text);
	int r = schema_decode(&thing_schema, mode, json, thing, err);
	json_decref(json);
	return r;
}

static void assert_empty(const struct thing *thing)
{
	static const struct thing zero;
	assert_memory_equal(thing, &zero, sizeof(zero));
}

/* Refused in CREATE mode with this field, and these words in the text; nothing is left in the object. */
static void assert_refused(const char *text, const char *field, const char *words)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct thing thing = { 0 };
	assert_true(decode(SCHEMA_CREATE, text, &thing, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, field);
	if (!strstr(err.text, words))
		fail_msg("'%s' is not in: %s", words, err.text);
	assert_empty(&thing);
}

static void assert_taken(enum schema_mode mode, const char *text, struct thing *thing)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (decode(mode, text, thing, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void test_create_sets_defaults(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_CREATE, "{\"name\": \"x\"}", &thing);
	assert_string_equal(thing.name, "x");
	assert_string_equal(thing.note, "none");
	assert_int_equal(thing.number, 3);
	assert_int_equal(thing.signed_number, 0);
	assert_true(thing.flag);
	assert_false(thing.other);
	assert_int_equal(thing.color, GREEN);
	assert_int_equal(thing.size_bytes, MIB);
	assert_int_equal(thing.time, 0);
	assert_null(thing.part);
	assert_int_equal(thing.part_count, 0);
	assert_null(thing.extra);
	schema_done(&thing_schema, &thing);
	assert_empty(&thing);
}

static const char full_text[] =
	"{\"name\": \"web\", \"note\": \"hello\", \"number\": 10, \"signed_number\": -5, \"flag\": false, \"other\": "
	"true,"
	" \"color\": \"blue\", \"size_bytes\": \"2 GiB\", \"time\": \"2026-01-31T23:59:59.123Z\","
	" \"part\": {\"name\": \"p\"}, \"parts\": [{\"name\": \"a\", \"weight\": 9}, {\"name\": \"b\"}],"
	" \"tags\": [\"one\", \"two\"], \"extra\": {\"any\": [1, 2.5, null]}}";

static void test_create_takes_every_type(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_CREATE, full_text, &thing);
	assert_string_equal(thing.note, "hello");
	assert_int_equal(thing.number, 10);
	assert_int_equal(thing.signed_number, -5);
	assert_false(thing.flag);
	assert_true(thing.other);
	assert_int_equal(thing.color, BLUE);
	assert_int_equal(thing.size_bytes, 2 * GIB);
	_cleanup_free_ char *time = time_format(thing.time);
	assert_string_equal(time, "2026-01-31T23:59:59.123Z");
	assert_string_equal(thing.part->name, "p");
	assert_int_equal(thing.part->weight, 5); /* the part's own default */
	assert_int_equal(thing.part_count, 2);
	assert_int_equal(thing.parts[0].weight, 9);
	assert_string_equal(thing.parts[1].name, "b");
	assert_int_equal(thing.parts[1].weight, 5);
	assert_int_equal(thing.tag_count, 2);
	assert_string_equal(thing.tags[1], "two");
	assert_null(thing.tags[2]);
	assert_int_equal(json_array_size(json_object_get(thing.extra, "any")), 3);
	schema_done(&thing_schema, &thing);
}

static void test_wrong_types_are_refused(void **state)
{
	assert_refused("{\"name\": 1}", "name", "must be a string");
	assert_refused("{\"name\": null}", "name", "must be a string");
	assert_refused("{\"name\": \"x\", \"number\": \"1\"}", "number", "must be a whole number");
	assert_refused("{\"name\": \"x\", \"number\": 1.0}", "number", "must be a whole number");
	assert_refused("{\"name\": \"x\", \"number\": null}", "number", "must be a whole number");
	assert_refused("{\"name\": \"x\", \"flag\": 1}", "flag", "must be true or false");
	assert_refused("{\"name\": \"x\", \"color\": \"pink\"}", "color", "must be one of: red, green, blue");
	assert_refused("{\"name\": \"x\", \"color\": 1}", "color", "must be one of");
	assert_refused("{\"name\": \"x\", \"size_bytes\": true}", "size_bytes", "10 GiB");
	assert_refused("{\"name\": \"x\", \"size_bytes\": -1}", "size_bytes", "10 GiB");
	assert_refused("{\"name\": \"x\", \"size_bytes\": \"much\"}", "size_bytes", "10 GiB");
	assert_refused("{\"name\": \"x\", \"time\": \"yesterday\"}", "time", "2026-01-31T23:59:59Z");
	assert_refused("{\"name\": \"x\", \"time\": 1}", "time", "must be a time");
	assert_refused("{\"name\": \"x\", \"part\": []}", "part", "must be an object");
	assert_refused("{\"name\": \"x\", \"parts\": {}}", "parts", "must be a list");
	assert_refused("{\"name\": \"x\", \"tags\": \"a\"}", "tags", "must be a list");
}

static void test_what_is_no_object_is_refused(void **state)
{
	assert_refused("[]", "body", "must be a JSON object");
	assert_refused("null", "body", "must be a JSON object");
	assert_refused("\"text\"", "body", "must be a JSON object");
}

static void test_bounds(void **state)
{
	struct thing thing = { 0 };
	assert_refused("{\"name\": \"x\", \"number\": 0}", "number", "is 0; 1 to 10 is allowed");
	assert_refused("{\"name\": \"x\", \"number\": 11}", "number", "is 11; 1 to 10 is allowed");
	assert_refused("{\"name\": \"x\", \"signed_number\": -6}", "signed_number", "-5 to");
	assert_refused("{\"name\": \"x\", \"note\": \"a\"}", "note", "has 1 bytes; 2 to 5 are allowed");
	assert_refused("{\"name\": \"x\", \"note\": \"abcdef\"}", "note", "has 6 bytes; 2 to 5 are allowed");
	assert_refused("{\"name\": \"x\", \"size_bytes\": 1023}", "size_bytes", "is 1023 B; 1 KiB to 4 GiB is allowed");
	assert_refused("{\"name\": \"x\", \"size_bytes\": \"5 GiB\"}", "size_bytes",
		       "is 5 GiB; 1 KiB to 4 GiB is allowed");
	assert_refused("{\"name\": \"x\", \"size_bytes\": \"99999 PiB\"}", "size_bytes",
		       "is 99999 PiB; 1 KiB to 4 GiB");
	assert_refused("{\"name\": \"x\", \"tags\": [\"a\", \"b\", \"c\", \"d\"]}", "tags", "has 4 elements; 0 to 3");
	assert_refused("{\"name\": \"Not a Name\"}", "name", "'Not a Name' is not 1 to 63 of a-z");
	assert_taken(SCHEMA_CREATE, "{\"name\": \"x\", \"note\": \"ab\", \"number\": 1, \"size_bytes\": 1024}", &thing);
	schema_done(&thing_schema, &thing);
	assert_taken(SCHEMA_CREATE,
		     "{\"name\": \"x\", \"note\": \"abcde\", \"number\": 10, \"size_bytes\": 4294967296}", &thing);
	schema_done(&thing_schema, &thing);
}

static void test_unknown_keys_are_refused_and_the_allowed_listed(void **state)
{
	assert_refused(
		"{\"name\": \"x\", \"colour\": \"red\"}", "colour",
		"known here: name, note, number, signed_number, flag, other, color, size_bytes, time, part, parts, "
		"tags, extra");
	assert_refused("{\"name\": \"x\", \"id\": \"1\"}", "id", "cannot be set here; what can be set: name, note");
	/* That there is a secret is nobody's business. */
	assert_refused("{\"name\": \"x\", \"secret\": \"1\"}", "secret", "unknown field");
	assert_refused("{\"name\": \"x\", \"part\": {\"name\": \"p\", \"size\": 1}}", "part.size",
		       "known here: name, weight");
}

static void test_nested_paths(void **state)
{
	assert_refused("{\"name\": \"x\", \"part\": {}}", "part.name", "part.name: is missing; name of the part");
	assert_refused("{\"name\": \"x\", \"parts\": [{\"name\": \"a\"}, {\"name\": \"b\", \"weight\": 10}]}",
		       "parts[1].weight", "1 to 9");
	assert_refused("{\"name\": \"x\", \"parts\": [{\"name\": \"a\"}, 7]}", "parts[1]", "must be an object");
	assert_refused("{\"name\": \"x\", \"tags\": [\"a\", \"B\"]}", "tags[1]", "'B' is not");
	assert_refused("{\"name\": \"x\", \"tags\": [null]}", "tags[0]", "must be a string");
}

static void test_missing_required_field(void **state)
{
	assert_refused("{}", "name", "name: is missing; what it is called");
}

static void test_nul_is_refused_everywhere(void **state)
{
	assert_refused("{\"name\": \"x\\u0000y\"}", "name", "NUL");
	assert_refused("{\"name\": \"x\", \"color\": \"red\\u0000\"}", "color", "must be one of");
	assert_refused("{\"name\": \"x\", \"size_bytes\": \"1 GiB\\u0000\"}", "size_bytes", "number of bytes");
	assert_refused("{\"name\": \"x\", \"time\": \"2026-01-31T23:59:59Z\\u0000\"}", "time", "must be a time");
	assert_refused("{\"name\": \"x\", \"tags\": [\"a\\u0000\"]}", "tags[0]", "NUL");
}

static void test_messages_do_not_repeat_long_input(void **state)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	strbuf_adds(&text, "{\"name\": \"");
	for (int i = 0; i < 10000; i++)
		strbuf_adds(&text, "\xc3\xa4");
	strbuf_adds(&text, "\"}");
	_cleanup_err_ struct err err = ERR_INIT;
	struct thing thing = { 0 };
	assert_true(decode(SCHEMA_CREATE, text.data, &thing, &err) < 0);
	assert_true(strlen(err.text) < 300);
	json_t *valid = json_string(err.text); /* cut between characters */
	assert_non_null(valid);
	json_decref(valid);
}

static void test_long_unknown_key_is_cut(void **state)
{
	_cleanup_free_ char *key = xmalloc(50001);
	memset(key, 'k', 50000);
	key[50000] = '\0';
	json_t *json = json_pack("{s:s, s:i}", "name", "x", key, 1);
	_cleanup_err_ struct err err = ERR_INIT;
	struct thing thing = { 0 };
	assert_true(schema_decode(&thing_schema, SCHEMA_CREATE, json, &thing, &err) < 0);
	assert_true(strlen(err.field) < 100);
	json_decref(json);
}

static void test_huge_list_is_refused_before_it_is_read(void **state)
{
	json_t *list = json_array();
	for (int i = 0; i < 100000; i++)
		json_array_append_new(list, json_string("a"));
	json_t *json = json_pack("{s:s, s:o}", "name", "x", "tags", list);
	_cleanup_err_ struct err err = ERR_INIT;
	struct thing thing = { 0 };
	assert_true(schema_decode(&thing_schema, SCHEMA_PEER, json, &thing, &err) < 0);
	assert_non_null(strstr(err.text, "has 100000 elements"));
	assert_empty(&thing);
	json_decref(json);
}

/* A list without a bound of its own has the cap of the type. */
static void test_list_without_bound_is_capped(void **state)
{
	struct machine machine = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *list = json_array();
	for (int i = 0; i < 4097; i++)
		json_array_append_new(list, json_string("a"));
	json_t *json = json_pack("{s:o}", "macs", list);
	assert_true(schema_decode(&machine_schema, SCHEMA_PEER, json, &machine, &err) < 0);
	assert_string_equal(err.field, "macs");
	json_array_remove(list, 0);
	assert_int_equal(schema_decode(&machine_schema, SCHEMA_PEER, json, &machine, &err), 0);
	assert_int_equal(machine.mac_count, 4096);
	schema_done(&machine_schema, &machine);
	json_decref(json);
}

static void test_string_without_bound_is_capped(void **state)
{
	_cleanup_free_ char *text = xmalloc(65538);
	struct machine machine = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	memset(text, 'a', 65537);
	text[65537] = '\0';
	json_t *json = json_pack("{s:s}", "uuid", text);
	assert_true(schema_decode(&machine_schema, SCHEMA_PEER, json, &machine, &err) < 0);
	assert_non_null(strstr(err.text, "has 65537 bytes; 0 to 65536 are allowed"));
	json_decref(json);
}

/* ---- update ---- */

static void test_update_changes_only_what_is_given(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_CREATE, full_text, &thing);
	thing.secret = xstrdup("s");
	assert_taken(SCHEMA_UPDATE, "{\"number\": 7, \"tags\": []}", &thing);
	assert_int_equal(thing.number, 7);
	assert_int_equal(thing.tag_count, 0);
	assert_string_equal(thing.name, "web");
	assert_string_equal(thing.note, "hello"); /* not its default again */
	assert_int_equal(thing.color, BLUE);
	assert_false(thing.flag);
	assert_int_equal(thing.part_count, 2);
	assert_string_equal(thing.secret, "s");
	schema_done(&thing_schema, &thing);
}

static void test_update_with_null_takes_the_default(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_CREATE, full_text, &thing);
	assert_taken(SCHEMA_UPDATE,
		     "{\"note\": null, \"number\": null, \"signed_number\": null, \"flag\": null, \"other\": null,"
		     " \"color\": null, \"size_bytes\": null, \"time\": null, \"part\": null, \"parts\": null,"
		     " \"tags\": null, \"extra\": null}",
		     &thing);
	assert_string_equal(thing.note, "none");
	assert_int_equal(thing.number, 3);
	assert_int_equal(thing.signed_number, 0);
	assert_true(thing.flag);
	assert_false(thing.other);
	assert_int_equal(thing.color, GREEN);
	assert_int_equal(thing.size_bytes, MIB);
	assert_int_equal(thing.time, 0);
	assert_null(thing.part);
	assert_null(thing.parts);
	assert_int_equal(thing.part_count, 0);
	assert_int_equal(thing.tag_count, 0);
	assert_null(thing.extra);
	schema_done(&thing_schema, &thing);
}

static void test_update_of_a_part_keeps_the_rest_of_it(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_CREATE, full_text, &thing);
	thing.part->secret = xstrdup("inner");
	assert_taken(SCHEMA_UPDATE, "{\"part\": {\"weight\": 2}}", &thing);
	assert_int_equal(thing.part->weight, 2);
	assert_string_equal(thing.part->name, "p");
	assert_string_equal(thing.part->secret, "inner");
	schema_done(&thing_schema, &thing);
	/* Where there was none, it begins with its defaults. */
	assert_taken(SCHEMA_CREATE, "{\"name\": \"x\"}", &thing);
	assert_taken(SCHEMA_UPDATE, "{\"part\": {}, \"parts\": [{}]}", &thing);
	assert_int_equal(thing.part->weight, 5);
	assert_int_equal(thing.parts[0].weight, 5);
	schema_done(&thing_schema, &thing);
}

static void assert_update_refused(struct thing *thing, const char *text, const char *field)
{
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *before = schema_encode(&thing_schema, thing, true);
	assert_true(decode(SCHEMA_UPDATE, text, thing, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, field);
	json_t *after = schema_encode(&thing_schema, thing, true);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void test_refused_update_leaves_the_object(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_CREATE, full_text, &thing);
	thing.secret = xstrdup("s");
	assert_update_refused(&thing, "{\"number\": 7, \"size_bytes\": 1}", "size_bytes");
	assert_update_refused(&thing, "{\"note\": \"new\", \"parts\": [{\"weight\": 1}, {\"weight\": 0}]}",
			      "parts[1].weight");
	assert_update_refused(&thing, "{\"tags\": [\"ok\", \"NOT\"]}", "tags[1]");
	assert_update_refused(&thing, "{\"number\": 7, \"id\": \"other\"}", "id");
	assert_update_refused(&thing, "{\"name\": null}", "name");
	assert_update_refused(&thing, "[]", "body");
	schema_done(&thing_schema, &thing);
}

/* ---- the other modes ---- */

static void test_peer_ignores_unknown_keys_and_checks_the_rest(void **state)
{
	struct thing thing = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	assert_taken(SCHEMA_PEER, "{\"id\": \"7\", \"newer\": {\"a\": 1}, \"part\": {\"newer\": 1}}", &thing);
	assert_string_equal(thing.id, "7");
	assert_null(thing.name); /* nothing is required of a peer */
	schema_done(&thing_schema, &thing);
	assert_true(decode(SCHEMA_PEER, "{\"number\": 11}", &thing, &err) < 0);
	assert_empty(&thing);
}

static void test_strict_takes_every_field_and_asks_for_required_ones(void **state)
{
	struct thing thing = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	assert_taken(SCHEMA_STRICT, "{\"name\": \"x\", \"id\": \"1\", \"secret\": \"s\"}", &thing);
	assert_string_equal(thing.secret, "s");
	schema_done(&thing_schema, &thing);
	assert_true(decode(SCHEMA_STRICT, "{\"id\": \"1\"}", &thing, &err) < 0);
	assert_string_equal(err.field, "name");
	assert_true(decode(SCHEMA_STRICT, "{\"name\": \"x\", \"nmae\": 1}", &thing, &err) < 0);
	assert_string_equal(err.field, "nmae");
}

static void test_store_takes_what_was_allowed_once(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_STORE, "{\"name\": \"NO LONGER\", \"number\": 99, \"gone\": 1}", &thing);
	assert_string_equal(thing.name, "NO LONGER");
	assert_int_equal(thing.number, 99);
	schema_done(&thing_schema, &thing);
}

/* ---- encode, copy ---- */

static void test_round_trip(void **state)
{
	struct thing thing = { 0 }, back = { 0 };
	assert_taken(SCHEMA_CREATE, full_text, &thing);
	thing.secret = xstrdup("s");
	thing.part->secret = xstrdup("inner");
	json_t *json = schema_encode(&thing_schema, &thing, true);
	assert_int_equal(schema_decode(&thing_schema, SCHEMA_STORE, json, &back, NULL), 0);
	json_t *again = schema_encode(&thing_schema, &back, true);
	assert_true(json_equal(json, again));
	assert_string_equal(back.part->secret, "inner");
	json_decref(json);
	json_decref(again);
	schema_done(&thing_schema, &thing);
	schema_done(&thing_schema, &back);
}

static void test_internal_fields_are_not_shown(void **state)
{
	struct thing thing = { .secret = xstrdup("s") };
	struct part *part = schema_list_add(&thing_schema, &thing, "parts");
	part->secret = xstrdup("inner");
	json_t *json = schema_encode(&thing_schema, &thing, false);
	_cleanup_free_ char *text = json_dumps(json, 0);
	assert_null(strstr(text, "secret"));
	assert_null(strstr(text, "inner"));
	json_decref(json);
	schema_done(&thing_schema, &thing);
}

static void test_encode_empty(void **state)
{
	struct thing thing = { 0 };
	json_t *json = schema_encode(&thing_schema, &thing, false);
	json_t *right =
		parse("{\"id\": null, \"name\": null, \"note\": null, \"number\": 0, \"signed_number\": 0,"
		      " \"flag\": false, \"other\": false, \"color\": \"red\", \"size_bytes\": 0, \"time\": null,"
		      " \"part\": null, \"parts\": [], \"tags\": [], \"extra\": null}");
	assert_true(json_equal(json, right));
	json_decref(json);
	json_decref(right);
}

static void test_encode_keeps_a_field_that_is_not_utf8(void **state)
{
	struct thing thing = { .note = xstrdup("a\xff\xfe z"), .size_bytes = UINT64_MAX };
	schema_strings_add(&thing.tags, &thing.tag_count, "\xc3");
	json_t *json = schema_encode(&thing_schema, &thing, false);
	assert_string_equal(json_string_value(json_object_get(json, "note")), "a?? z");
	assert_string_equal(json_string_value(json_array_get(json_object_get(json, "tags"), 0)), "?");
	assert_true(json_integer_value(json_object_get(json, "size_bytes")) == INT64_MAX); /* not negative */
	json_decref(json);
	schema_done(&thing_schema, &thing);
}

static void test_copy_is_deep_and_exact(void **state)
{
	struct thing thing = { 0 };
	assert_taken(SCHEMA_CREATE, full_text, &thing);
	str_set(&thing.note, "\xff"); /* not even JSON */
	thing.size_bytes = UINT64_MAX;
	struct thing *copy = schema_dup(&thing_schema, &thing);
	assert_ptr_not_equal(copy->name, thing.name);
	assert_ptr_not_equal(copy->part, thing.part);
	assert_ptr_not_equal(copy->parts, thing.parts);
	assert_ptr_not_equal(copy->extra, thing.extra);
	json_t *a = schema_encode(&thing_schema, &thing, true);
	schema_done(&thing_schema, &thing);
	json_t *b = schema_encode(&thing_schema, copy, true);
	assert_true(json_equal(a, b));
	assert_string_equal(copy->note, "\xff");
	assert_true(copy->size_bytes == UINT64_MAX);
	assert_null(copy->tags[2]);
	json_decref(a);
	json_decref(b);
	assert_null(schema_free(&thing_schema, copy));
}

static void test_list_add_and_strings(void **state)
{
	struct thing thing = { 0 };
	for (int i = 0; i < 100; i++) {
		struct part *part = schema_list_add(&thing_schema, &thing, "parts");
		assert_null(part->name);
		assert_int_equal(part->weight, 0);
		part->name = xasprintf("%d", i);
		schema_strings_add(&thing.tags, &thing.tag_count, part->name);
		assert_null(thing.tags[thing.tag_count]);
	}
	assert_int_equal(thing.part_count, 100);
	assert_string_equal(thing.parts[99].name, "99");
	assert_string_equal(thing.tags[99], "99");
	schema_strings_clear(&thing.tags, &thing.tag_count);
	assert_null(thing.tags);
	assert_int_equal(thing.tag_count, 0);
	schema_done(&thing_schema, &thing);
	schema_done(&thing_schema, NULL);
	assert_null(schema_free(&thing_schema, NULL));
}

/* ---- the tables of the product ---- */

static void walk(const struct schema *schema, int depth)
{
	assert_true(depth < 16);
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];
		bool list = f->type == FIELD_OBJECTS || f->type == FIELD_STRINGS;
		assert_ptr_equal(schema_field(schema, f->name), f); /* no name twice */
		assert_true(f->offset < schema->size);
		assert_true(!list || f->count_offset < schema->size);
		assert_true((f->type == FIELD_ENUM) == (f->words != NULL));
		assert_true(f->help != NULL || (f->flags & FIELD_INTERNAL));
		assert_true(f->max == 0 || f->min <= f->max);
		if (f->of)
			walk(f->of, depth + 1);
	}
	/* Defaults that cannot be abort. */
	void *object = xcalloc(1, schema->size);
	json_t *empty = json_object();
	assert_int_equal(schema_decode(schema, SCHEMA_STORE, empty, object, NULL), 0);
	json_decref(empty);
	schema_free(schema, object);
}

static void test_tables_of_the_product(void **state)
{
	walk(&ceph_cluster_schema, 0);
	walk(&inventory_schema, 0);
	walk(&token_schema, 0);
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		if (operations[i].request)
			walk(operations[i].request, 0);
		if (operations[i].response)
			walk(operations[i].response, 0);
	}
}

/* What people write and others are shown has a form, and so no escape sequences in it. Secrets and what a guest is given are
 * shown to nobody. */
static void test_what_people_write_has_a_form(void **state)
{
	size_t seen = 0;
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		const struct schema *schema = operations[i].request;
		for (size_t j = 0; schema && j < schema->field_count; j++) {
			const struct field *f = &schema->fields[j];
			bool text = f->type == FIELD_STRING || f->type == FIELD_STRINGS;
			if (!text || !(f->flags & (FIELD_CREATE | FIELD_UPDATE)) || (f->flags & FIELD_INTERNAL))
				continue;
			if (f->format == FORMAT_ANY)
				fail_msg("%s.%s may be anything", schema->name, f->name);
			seen++;
		}
	}
	assert_true(seen > 20);
}

/* What is refused is named so that it can be seen, and does nothing to the terminal it is read on. */
static void test_a_refused_text_is_shown(void **state)
{
	static const struct field fields[] = {
		{ .name = "zone", .type = FIELD_STRING, .flags = FIELD_CREATE, .format = FORMAT_TEXT }
	};
	static const struct schema schema = SCHEMA("place", char *, fields, "a place");
	_cleanup_err_ struct err err = ERR_INIT;
	char *zone = NULL;
	json_t *json = json_pack("{s:s}", "zone", "rack\x1b[2J\xe2\x80\xae");
	assert_true(schema_decode(&schema, SCHEMA_CREATE, json, &zone, &err) < 0);
	json_decref(json);
	assert_string_equal(err.field, "zone");
	assert_string_equal(err.text,
			    "zone: 'rack\\u001b[2J\\u202e' is not a line of characters that can be seen; leave out "
			    "control characters, line breaks, and marks without width or of direction");
	assert_null(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_people_write_has_a_form),
		cmocka_unit_test(test_a_refused_text_is_shown),
		cmocka_unit_test(test_create_sets_defaults),
		cmocka_unit_test(test_create_takes_every_type),
		cmocka_unit_test(test_wrong_types_are_refused),
		cmocka_unit_test(test_what_is_no_object_is_refused),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_unknown_keys_are_refused_and_the_allowed_listed),
		cmocka_unit_test(test_nested_paths),
		cmocka_unit_test(test_missing_required_field),
		cmocka_unit_test(test_nul_is_refused_everywhere),
		cmocka_unit_test(test_messages_do_not_repeat_long_input),
		cmocka_unit_test(test_long_unknown_key_is_cut),
		cmocka_unit_test(test_huge_list_is_refused_before_it_is_read),
		cmocka_unit_test(test_list_without_bound_is_capped),
		cmocka_unit_test(test_string_without_bound_is_capped),
		cmocka_unit_test(test_update_changes_only_what_is_given),
		cmocka_unit_test(test_update_with_null_takes_the_default),
		cmocka_unit_test(test_update_of_a_part_keeps_the_rest_of_it),
		cmocka_unit_test(test_refused_update_leaves_the_object),
		cmocka_unit_test(test_peer_ignores_unknown_keys_and_checks_the_rest),
		cmocka_unit_test(test_strict_takes_every_field_and_asks_for_required_ones),
		cmocka_unit_test(test_store_takes_what_was_allowed_once),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_internal_fields_are_not_shown),
		cmocka_unit_test(test_encode_empty),
		cmocka_unit_test(test_encode_keeps_a_field_that_is_not_utf8),
		cmocka_unit_test(test_copy_is_deep_and_exact),
		cmocka_unit_test(test_list_add_and_strings),
		cmocka_unit_test(test_tables_of_the_product),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
