/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists: which resources, in which order, which page of them. What can be asked for comes from the tables of fields. All of
 * a kind is walked for each page, in memory: that is what makes "total" true, and costs a few milliseconds at 10,000. */
#include "api/api_priv.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000
#define FILTERS_MAX 32
#define CURSOR_MAX_BYTES 4096
/* What is compared of a text when sorting, so that a cursor stays small. */
#define SORT_MAX_BYTES 256
#define AT(type, object, f) (*(type const *)(const void *)((const char *)(object) + (f)->offset))

/* A value that is sorted by. */
struct value {
	const char *text; /* FIELD_STRING; NULL comes first */
	int64_t number;	  /* all others */
};

struct row {
	struct value value;
	const char *id;
	const void *object;
};

struct filter {
	const struct field *field;
	const char *text;
	int64_t number;
	uint64_t words; /* FIELD_ENUM: a bit for each word that fits */
};

struct list_query {
	struct api_call *call;
	int64_t limit;
	const char *text;	  /* of "q", or NULL */
	const char *sort_text;	  /* as it was given, or "" */
	const struct field *sort; /* NULL: in the order of making, that is, of identifiers */
	bool down;
	struct filter filters[FILTERS_MAX];
	size_t filter_count;
	json_t *cursor; /* [sort, value, id]; or NULL */
};

/* ---- what is asked for ---- */

static const struct schema *schema_of(const struct list_query *query)
{
	return query->call->kind->schema;
}

/* "limit, cursor, sort, q, name, state": what a list may be asked. The caller frees. */
static char *known_fields(const struct schema *schema, const char *first, bool (*fits)(const struct field *field))
{
	struct strbuf names = { 0 };
	strbuf_adds(&names, first);
	for (size_t i = 0; i < schema->field_count; i++)
		if (fits(&schema->fields[i]))
			strbuf_addf(&names, "%s%s", names.len ? ", " : "", schema->fields[i].name);
	return strbuf_take(&names);
}

static int take_limit(struct list_query *query, const char *name, const char *text, struct err *err)
{
	if (parse_i64(text, 1, PAGE_MAX, &query->limit) == 0)
		return 0;
	return err_set_field(err, ERR_INVALID, name, "%s: must be a number from 1 to %d", name, PAGE_MAX);
}

static int take_text(struct list_query *query, const char *name, const char *text, struct err *err)
{
	query->text = text[0] ? text : NULL;
	return 0;
}

static int take_sort(struct list_query *query, const char *name, const char *text, struct err *err)
{
	query->sort_text = text;
	query->down = text[0] == '-';
	query->sort = schema_field(schema_of(query), text + query->down);
	if (query->sort && field_sorts(query->sort))
		return 0;
	_cleanup_free_ char *known = known_fields(schema_of(query), "", field_sorts);
	return err_set_field(err, ERR_INVALID, name,
			     "%s: must be one of %s, with a '-' before it for the other way round", name, known);
}

/* It is ours, but comes back from outside. */
static int take_cursor(struct list_query *query, const char *name, const char *text, struct err *err)
{
	size_t len = strlen(text) / 2;
	_cleanup_free_ char *json = xcalloc(1, len + 1);
	if (len > 0 && len <= CURSOR_MAX_BYTES && hex_decode(text, json, len) == 0)
		query->cursor = json_loadb(json, len, 0, NULL);
	const json_t *value = json_array_get(query->cursor, 1);
	bool fits = json_array_size(query->cursor) == 3 && json_is_string(json_array_get(query->cursor, 0)) &&
		    (json_is_string(value) || json_is_integer(value) || json_is_null(value)) &&
		    json_is_string(json_array_get(query->cursor, 2));
	if (fits)
		return 0;
	return err_set_field(err, ERR_INVALID, name, "%s: must be the 'next' of the page before", name);
}

static const struct {
	const char *name;
	int (*take)(struct list_query *query, const char *name, const char *text, struct err *err);
} parameters[] = {
	{ "limit", take_limit },
	{ "cursor", take_cursor },
	{ "sort", take_sort },
	{ "q", take_text },
};

static int take_words(struct filter *filter, struct err *err)
{
	const struct field *f = filter->field;
	_cleanup_free_ char *given = xstrdup(filter->text);
	char *rest = given;
	for (char *word; (word = strsep(&rest, ","));) {
		int index = word_index(f->words, word);
		if (index >= 0) {
			filter->words |= UINT64_C(1) << index;
			continue;
		}
		_cleanup_strbuf_ struct strbuf words = { 0 };
		for (size_t w = 0; f->words[w]; w++)
			strbuf_addf(&words, "%s%s", w ? ", " : "", f->words[w]);
		return err_set_field(err, ERR_INVALID, f->name, "%s: must be one of %s", f->name, words.data);
	}
	return 0;
}

static int take_filter(struct list_query *query, const struct field *f, const char *text, struct err *err)
{
	struct filter *filter = &query->filters[query->filter_count++];
	uint64_t bytes = 0;
	*filter = (struct filter){ .field = f, .text = text };
	if (f->type == FIELD_ENUM)
		return take_words(filter, err);
	if (f->type == FIELD_BOOL) {
		filter->number = str_equal(text, "true");
		if (!filter->number && !str_equal(text, "false"))
			return err_set_field(err, ERR_INVALID, f->name, "%s: must be true or false", f->name);
	} else if (f->type == FIELD_INT) {
		if (parse_i64(text, INT64_MIN, INT64_MAX, &filter->number) < 0)
			return err_set_field(err, ERR_INVALID, f->name, "%s: must be a whole number", f->name);
	} else if (f->type == FIELD_BYTES) {
		if (bytes_parse(text, &bytes) < 0)
			return err_set_field(err, ERR_INVALID, f->name, "%s: must be a size such as 10GiB or 4096",
					     f->name);
		filter->number = (int64_t)bytes;
	}
	return 0;
}

static int take_parameter(struct list_query *query, const char *name, const char *text, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
		if (str_equal(parameters[i].name, name))
			return parameters[i].take(query, name, text, err);
	const struct field *f = schema_field(schema_of(query), name);
	if (f && field_filters(f) && query->filter_count < FILTERS_MAX)
		return take_filter(query, f, text, err);
	_cleanup_free_ char *known = known_fields(schema_of(query), "limit, cursor, sort, q", field_filters);
	return err_set_field(err, ERR_INVALID, name, "%s: this list cannot be asked for that; what it knows: %s", name,
			     known);
}

static int take_query(struct list_query *query, struct err *err)
{
	struct http_request *request = query->call->request;
	const char *name;
	for (unsigned i = 0; (name = http_request_query_name(request, i)); i++) {
		for (unsigned before = 0; before < i; before++)
			if (str_equal(http_request_query_name(request, before), name))
				return err_set_field(err, ERR_INVALID, name, "%s: is given twice", name);
		int r = take_parameter(query, name, http_request_query(request, name), err);
		if (r < 0)
			return r;
	}
	if (query->cursor && !str_equal(json_string_value(json_array_get(query->cursor, 0)), query->sort_text))
		return err_set_field(err, ERR_INVALID, "cursor",
				     "cursor: is of a list in another order; leave it out to begin anew");
	return 0;
}

/* ---- which ---- */

static const char *string_of(const struct list_query *query, const struct field *f, const void *object)
{
	return api_string_value(query->call->api, query->call->kind, f, object);
}

static bool any_string(const struct list_query *query, const struct field *f, const void *object, const char *text,
		       bool (*fits)(const char *has, const char *wanted))
{
	if (f->type == FIELD_STRING)
		return fits(string_of(query, f, object), text);
	char *const *list = AT(char **, object, f);
	size_t count = *(const size_t *)(const void *)((const char *)object + f->count_offset);
	for (size_t i = 0; i < count; i++)
		if (fits(list[i], text))
			return true;
	return false;
}

static bool is_equal(const char *has, const char *wanted)
{
	return str_equal(has, wanted);
}

static bool is_part(const char *has, const char *wanted)
{
	return has && strcasestr(has, wanted);
}

static int64_t number_of(const struct field *f, const void *object)
{
	if (f->type == FIELD_ENUM)
		return AT(int, object, f);
	if (f->type == FIELD_BOOL)
		return AT(bool, object, f);
	return AT(int64_t, object, f); /* FIELD_BYTES as well: never above INT64_MAX */
}

static bool fits_filter(const struct list_query *query, const struct filter *filter, const void *object)
{
	const struct field *f = filter->field;
	if (f->type == FIELD_STRING || f->type == FIELD_STRINGS)
		return any_string(query, f, object, filter->text, is_equal);
	if (f->type == FIELD_ENUM)
		return filter->words & UINT64_C(1) << AT(int, object, f);
	return number_of(f, object) == filter->number;
}

static bool fits_text(const struct list_query *query, const void *object)
{
	const struct schema *schema = schema_of(query);
	if (!query->text)
		return true;
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];
		bool texts = (f->type == FIELD_STRING || f->type == FIELD_STRINGS) && !(f->flags & FIELD_INTERNAL);
		if (texts && any_string(query, f, object, query->text, is_part))
			return true;
	}
	return false;
}

static bool fits(const struct list_query *query, const void *object)
{
	for (size_t i = 0; i < query->filter_count; i++)
		if (!fits_filter(query, &query->filters[i], object))
			return false;
	return fits_text(query, object);
}

/* ---- in which order ---- */

/* How much of a text counts, cut between characters (UTF-8). */
static size_t sort_length(const char *text)
{
	size_t len = strnlen(text, SORT_MAX_BYTES + 1);
	if (len <= SORT_MAX_BYTES)
		return len;
	for (len = SORT_MAX_BYTES; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

/* Numbers within names count as numbers: "rack1-a2" is before "rack1-a10". */
static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	size_t a_len = sort_length(a), b_len = sort_length(b);
	if (!a[a_len] && !b[b_len])
		return strverscmp(a, b);
	_cleanup_free_ char *a_cut = xstrndup(a, a_len), *b_cut = xstrndup(b, b_len);
	return strverscmp(a_cut, b_cut);
}

static int compare_rows(const void *a_, const void *b_, void *data)
{
	const struct list_query *query = data;
	const struct row *a = a_, *b = b_;
	int r = 0;
	if (query->sort && query->sort->type == FIELD_STRING)
		r = compare_text(a->value.text, b->value.text);
	else if (query->sort)
		r = (a->value.number > b->value.number) - (a->value.number < b->value.number);
	if (r == 0)
		r = strcmp(a->id, b->id);
	return query->down ? -r : r;
}

static struct row row_of(const struct list_query *query, const void *object)
{
	struct row row = { .id = *(char *const *)object, .object = object };
	if (query->sort && query->sort->type == FIELD_STRING)
		row.value.text = string_of(query, query->sort, object);
	else if (query->sort)
		row.value.number = number_of(query->sort, object);
	return row;
}

/* Where the page begins: what came last before need not be there any more, but its place is. */
static size_t first_of_page(struct list_query *query, const struct row *rows, size_t count)
{
	if (!query->cursor)
		return 0;
	const json_t *value = json_array_get(query->cursor, 1);
	const struct row last = { .value = { json_string_value(value), json_integer_value(value) },
				  .id = json_string_value(json_array_get(query->cursor, 2)) };
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_rows(&rows[middle], &last, query) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static json_t *cursor_of(const struct list_query *query, const struct row *row)
{
	json_t *value = json_integer(row->value.number);
	if (query->sort && query->sort->type == FIELD_STRING) {
		json_decref(value);
		value = row->value.text ? json_stringn(row->value.text, sort_length(row->value.text)) : json_null();
	}
	json_t *cursor = json_pack("[s, o, s]", query->sort_text, value, row->id);
	_cleanup_free_ char *text = json_dumps(cursor, JSON_COMPACT);
	_cleanup_free_ char *hex = text ? hex_encode(text, strlen(text)) : NULL;
	json_decref(cursor);
	return hex ? json_string(hex) : json_null();
}

static void answer_page(struct list_query *query, const struct row *rows, size_t count)
{
	struct api_call *call = query->call;
	size_t first = first_of_page(query, rows, count), end = MIN_OF(first + (size_t)query->limit, count);
	json_t *items = json_array();
	for (size_t i = first; i < end; i++)
		json_array_append_new(items, api_show(call->api, call->kind, rows[i].object));
	json_t *next = end < count ? cursor_of(query, &rows[end - 1]) : json_null();
	http_answer_json(call->request, 200,
			 json_pack("{s:o, s:o, s:I}", "items", items, "next", next, "total", (json_int_t)count), NULL);
}

int api_list(struct api_call *call, struct err *err)
{
	struct store *store = call->api->store;
	struct list_query query = { .call = call, .limit = PAGE_DEFAULT, .sort_text = "" };
	int r = take_query(&query, err);
	size_t all = r == 0 ? store_count(store, call->kind) : 0, count = 0;
	_cleanup_free_ struct row *rows = new0(struct row, all + 1);
	for (size_t i = 0; i < all; i++) {
		const void *object = store_at(store, call->kind, i);
		if (api_sees(call, object) && fits(&query, object))
			rows[count++] = row_of(&query, object);
	}
	if (query.sort)
		qsort_r(rows, count, sizeof(*rows), compare_rows, &query);
	if (r == 0)
		answer_page(&query, rows, count);
	json_decref(query.cursor);
	return r;
}
