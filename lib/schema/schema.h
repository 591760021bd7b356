/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resources described once. A schema is a const table of the fields of a C structure; from it come the checks of what
 * people send (unknown keys are refused), what is stored and shown, the OpenAPI document, the columns and the help of
 * the command line. Pure functions; any thread. */
#ifndef INGOT_SCHEMA_SCHEMA_H
#define INGOT_SCHEMA_SCHEMA_H

#include <jansson.h>

#include "base/err.h"

enum field_type {
	FIELD_STRING,  /* char * */
	FIELD_INT,     /* int64_t */
	FIELD_NUMBER,  /* double; one that is not finite is shown as null */
	FIELD_BOOL,    /* bool */
	FIELD_ENUM,    /* int, an index into words */
	FIELD_BYTES,   /* uint64_t; a number, or "10GiB" from people */
	FIELD_TIME,    /* int64_t, milliseconds since 1970; RFC 3339 outside; 0 is null */
	FIELD_OBJECT,  /* struct *, allocated; NULL is null */
	FIELD_OBJECTS, /* struct *, an array with a count */
	FIELD_STRINGS, /* char **, with a count, and NULL-terminated */
	FIELD_JSON,    /* json_t *, passed through */
};

enum field_flag {
	FIELD_CREATE = 1 << 0,	 /* may be given when the resource is created (or in an action's body) */
	FIELD_UPDATE = 1 << 1,	 /* may be changed later */
	FIELD_REQUIRED = 1 << 2, /* must be given at creation */
	FIELD_INTERNAL = 1 << 3, /* stored, never shown: secrets, bookkeeping */
	FIELD_COLUMN = 1 << 4,	 /* a column of the command line's table */
};

enum field_format {
	FORMAT_ANY,
	FORMAT_TEXT, /* what a person wrote, to be read in a list: one line, all of which can be seen (utf8_printable()) */
	FORMAT_NAME,	/* a DNS label: RFC 1123 section 2.1 */
	FORMAT_UUID,	/* RFC 9562 section 4 */
	FORMAT_ADDRESS, /* IPv4 or IPv6 */
	FORMAT_MAC,	/* "aa:bb:cc:dd:ee:ff" */
	FORMAT_SHA256,	/* 64 hexadecimal digits */
};

struct schema;
struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset;
	size_t count_offset;	  /* lists */
	int64_t min, max;	  /* numbers: value; strings: bytes; lists: elements. max 0: the type's own cap */
	enum field_format format; /* strings and lists of strings */
	const char *const *words; /* FIELD_ENUM; NULL-terminated */
	const struct schema *of;  /* FIELD_OBJECT, FIELD_OBJECTS */
	const char *initial;	  /* default as text; NULL: zero */
	const char *help;
};

struct schema {
	const char *name; /* "machine" */
	const char *help;
	size_t size; /* of the structure */
	const struct field *fields;
	size_t field_count;
};

/* F(struct machine, name, FIELD_STRING, FIELD_CREATE, .max = 63, .help = "...") */
#define F(struct_, member, type_, flags_, ...)                                                                         \
	{                                                                                                              \
		.name = #member, .type = type_, .flags = flags_, .offset = offsetof(struct_, member), __VA_ARGS__      \
	}
/* A list: its count is the member COUNT. */
#define F_LIST(struct_, member, count_, type_, flags_, ...)                                                            \
	{                                                                                                              \
		.name = #member, .type = type_, .flags = flags_, .offset = offsetof(struct_, member),                  \
		.count_offset = offsetof(struct_, count_), __VA_ARGS__                                                 \
	}
#define SCHEMA(name_, struct_, fields_, help_)                                                                         \
	{                                                                                                              \
		.name = name_, .help = help_, .size = sizeof(struct_), .fields = fields_,                              \
		.field_count = ARRAY_SIZE(fields_)                                                                     \
	}

enum schema_mode {
	SCHEMA_CREATE, /* from a person: only FIELD_CREATE, unknown keys refused, required ones asked for */
	SCHEMA_UPDATE, /* from a person: only FIELD_UPDATE, unknown keys refused; null takes the default */
	SCHEMA_STRICT, /* a configuration file: every field, unknown keys refused, required ones asked for */
	SCHEMA_PEER,   /* from an agent: checked, unknown keys ignored for the sake of newer peers */
	SCHEMA_STORE,  /* what we encoded ourselves: types are checked, bounds were when it came in */
};

/* Fills an object of zeros (or, for SCHEMA_UPDATE, an existing one) from JSON. Fields that are not there keep what they
 * have, after the defaults were set (not for SCHEMA_UPDATE). On failure object is as it was for SCHEMA_UPDATE and empty
 * otherwise. ERR_INVALID names the field ("disks[2].size_bytes") and what would be right. */
int schema_decode(const struct schema *schema, enum schema_mode mode, const json_t *json, void *object,
		  struct err *err);

/* Everything (for the store), or what may be shown. */
json_t *schema_encode(const struct schema *schema, const void *object, bool with_internal);

/* Text of a program or a device, which may not be UTF-8 or be cut within a character: JSON has no place for that, what is no ASCII
 * is then shown as '?'. The caller owns it. */
json_t *schema_text_json(const char *text);

/* Frees what the object points to and zeroes it; the object itself is the caller's. */
void schema_done(const struct schema *schema, void *object);
/* Deep copy into an object of zeros. */
void schema_copy(const struct schema *schema, void *dst, const void *src);
/* The same and allocates it; schema_free() frees both. */
void *schema_dup(const struct schema *schema, const void *src);
void *schema_free(const struct schema *schema, void *object);

const struct field *schema_field(const struct schema *schema, const char *name);

/* Adds a zeroed element to a list of the object and returns it. */
void *schema_list_add(const struct schema *schema, void *object, const char *list);
void schema_strings_add(char ***list, size_t *count, const char *text);
void schema_strings_clear(char ***list, size_t *count);

/* "10 GiB", "1.5TiB", "512M", "4096": binary units, whole bytes without one. 0 or -EINVAL, -ERANGE (past INT64_MAX). */
#define BYTES_PATTERN "^[0-9]+( *B?|(\\.[0-9]+)? *[KMGTP](iB)?)$" /* what it takes, as ECMA-262 has it */
int bytes_parse(const char *text, uint64_t *ret_bytes);
char *bytes_format(uint64_t bytes);
/* Text and bounds of a format: NULL if text fits, else what would be right. */
const char *format_check(enum field_format format, const char *text);
int word_index(const char *const *words, const char *text); /* -1: none */

#endif
