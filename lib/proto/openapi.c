/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0): made from the tables of operations and schemas. */
#include <ctype.h>

#include "proto/event_texts.h"
#include "proto/openapi_priv.h"

/* ---- answers ---- */

static json_t *text_header(const char *description)
{
	return json_pack("{s:s, s:{s:s}}", "description", description, "schema", "type", "string");
}

static json_t *json_content(json_t *schema)
{
	return json_pack("{s:{s:o}}", "application/json", "schema", schema);
}

static json_t *answer(const char *description, json_t *content)
{
	json_t *json = json_pack("{s:s}", "description", description);
	if (content)
		json_object_set_new(json, "content", content);
	return json;
}

static json_t *resource_answer(json_t *components, const struct operation *op, const char *description)
{
	return answer(description, json_content(openapi_reference(components, op->response, OPENAPI_SHOWN)));
}

static json_t *list_of(json_t *components, const struct schema *schema)
{
	return json_pack("{s:s, s:[s, s], s:{s:{s:s, s:o}, s:{s:[s, s], s:s}}}", "type", "object", "required", "items",
			 "next", "properties", "items", "type", "array", "items",
			 openapi_reference(components, schema, OPENAPI_SHOWN), "next", "type", "string", "null",
			 "description",
			 "where the next page begins: the parameter that goes on; null on the last page");
}

static void list_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_t *list = list_of(components, op->response);
	json_object_set_new(
		json_object_get(list, "properties"), "total",
		json_pack("{s:s, s:s}", "type", "integer", "description", "how many there are on all pages"));
	json_array_append_new(json_object_get(list, "required"), json_string("total"));
	json_object_set_new(answers, "200", answer("A page of the list", json_content(list)));
}

static void show_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_t *ok = resource_answer(components, op, "The resource");
	if (strstr(op->path, "{id}"))
		json_object_set_new(ok, "headers", json_pack("{s:o}", "ETag", text_header("Revision of the resource")));
	json_object_set_new(answers, "200", ok);
}

static void delete_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_object_set_new(answers, "204", answer("It is gone", NULL));
}

static void issue_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_object_set_new(answers, "201", resource_answer(components, op, "Here it is"));
}

static void create_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_t *made = resource_answer(components, op, "It is there");
	json_object_set_new(made, "headers", json_pack("{s:o}", "Location", text_header("Address of the resource")));
	json_object_set_new(answers, "201", made);
	json_object_set_new(
		answers, "202",
		resource_answer(components, op, "It is being made, by the task that its field 'task' names"));
}

static void action_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_object_set_new(answers, "200", resource_answer(components, op, "The resource as it is now"));
}

static void task_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_t *started = resource_answer(components, op, "The task that does it");
	json_object_set_new(started, "headers", json_pack("{s:o}", "Location", text_header("Address of the task")));
	json_object_set_new(answers, "202", started);
}

static void reading_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_object_set_new(answers, "200", resource_answer(components, op, "As it was found just now"));
}

static void append_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_t *more = answer("It is kept; there is more to come", NULL);
	json_object_set_new(more, "headers",
			    json_pack("{s:o}", "Upload-Offset", text_header("Where the next piece begins, in bytes")));
	json_object_set_new(answers, "204", more);
	task_answers(components, op, answers);
}

static void event_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_t *list = list_of(components, op->response), *properties = json_object_get(list, "properties");
	json_object_set_new(
		properties, "previous",
		json_pack("{s:[s, s], s:s}", "type", "string", "null", "description",
			  "where older ones go on: the parameter 'before'; null if there are none, and with "
			  "'after'"));
	json_array_append_new(json_object_get(list, "required"), json_string("previous"));
	json_t *content = json_content(list);
	json_object_set_new(content, "text/event-stream",
			    json_pack("{s:{s:s, s:s}}", "schema", "type", "string", "description",
				      "Server-sent events: id is the event's, data the event as JSON. Events named "
				      "heartbeat, without an id, come at the beginning and every every_ms of their "
				      "data: who hears none for three times as long opens another stream"));
	json_object_set_new(answers, "200", answer("A page of the list, or the stream", content));
}

static void websocket_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_object_set_new(answers, "101", answer("A WebSocket (RFC 6455); binary messages carry the bytes", NULL));
}

static void document_answers(json_t *components, const struct operation *op, json_t *answers)
{
	json_t *content;
	if (op == &operations[OP_METRICS])
		content = json_pack("{s:{s:{s:s}}}", "text/plain", "schema", "type", "string");
	else if (op == &operations[OP_VERSION])
		content = json_content(json_pack("{s:s, s:[s], s:{s:{s:s}}}", "type", "object", "required", "version",
						 "properties", "version", "type", "string"));
	else
		content = json_content(json_pack("{s:s}", "type", "object"));
	json_object_set_new(answers, "200", answer(op->summary, content));
}

static void (*const kinds[])(json_t *components, const struct operation *op, json_t *answers) = {
	[OPERATION_LIST] = list_answers,	 [OPERATION_SHOW] = show_answers,
	[OPERATION_CREATE] = create_answers,	 [OPERATION_UPDATE] = action_answers,
	[OPERATION_DELETE] = delete_answers,	 [OPERATION_ISSUE] = issue_answers,
	[OPERATION_ACTION] = action_answers,	 [OPERATION_TASK] = task_answers,
	[OPERATION_EVENTS] = event_answers,	 [OPERATION_READING] = reading_answers,
	[OPERATION_APPEND] = append_answers,	 [OPERATION_WEBSOCKET] = websocket_answers,
	[OPERATION_DOCUMENT] = document_answers,
};

static json_t *answers_of(json_t *components, const struct operation *op)
{
	json_t *answers = json_object();
	kinds[op->kind](components, op, answers);
	json_object_set_new(answers, "default", json_pack("{s:s}", "$ref", "#/components/responses/problem"));
	return answers;
}

/* ---- what is sent ---- */

static json_t *parameter(const char *in, const char *name, const char *description)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:{s:s}}", "name", name, "in", in, "required", str_equal(in, "path"),
			 "description", description, "schema", "type", "string");
}

/* The fields of a resource that one of the two says yes to, "name, state". */
static char *field_names(const struct schema *schema, bool (*fits)(const struct field *field))
{
	struct strbuf names = { 0 };
	for (size_t i = 0; i < schema->field_count; i++)
		if (fits(&schema->fields[i]))
			strbuf_addf(&names, "%s%s", names.len ? ", " : "", schema->fields[i].name);
	return strbuf_take(&names);
}

static json_t *filter_parameter(const struct field *f)
{
	const char *help = str_or(f->help, "");
	_cleanup_free_ char *text =
		f->type == FIELD_ENUM ? xasprintf("%s; several words separated by commas", help) : xstrdup(help);
	json_t *filter = parameter("query", f->name, text);
	if (f->type != FIELD_ENUM)
		return filter;
	json_t *words = json_array();
	for (size_t w = 0; f->words[w]; w++)
		json_array_append_new(words, json_string(f->words[w]));
	json_object_set_new(
		filter, "schema",
		json_pack("{s:s, s:{s:s, s:o}}", "type", "array", "items", "type", "string", "enum", words));
	json_object_set_new(filter, "style", json_string("form"));
	json_object_set_new(filter, "explode", json_false());
	return filter;
}

static json_t *limit_parameter(void)
{
	json_t *limit = parameter("query", "limit", "how many a page has at most");
	json_object_set_new(
		limit, "schema",
		json_pack("{s:s, s:i, s:i, s:i}", "type", "integer", "minimum", 1, "maximum", 1000, "default", 100));
	return limit;
}

/* Of a list: its length, its order, and only those that have a certain text in them or a certain value in a field. */
static void add_filters(json_t *list, const struct operation *op)
{
	_cleanup_free_ char *names = field_names(op->response, field_sorts);
	_cleanup_free_ char *sort = xasprintf("order by a field, or by '-' and a field the other way round, of: %s; "
					      "if it is left out, in the order of their making",
					      names);
	json_array_append_new(list, limit_parameter());
	json_array_append_new(
		list, parameter("query", "cursor", "where to go on: 'next' of the page before, with the same sort"));
	json_array_append_new(list, parameter("query", "sort", sort));
	json_array_append_new(list, parameter("query", "q", "only those with this text in a field; case is ignored"));
	for (size_t i = 0; i < op->response->field_count; i++)
		if (field_filters(&op->response->fields[i]))
			json_array_append_new(list, filter_parameter(&op->response->fields[i]));
}

static void add_event_parameters(json_t *list)
{
	static const char *const rows[][2] = {
		{ "after", "the first ones after this number: 'next' of the page before" },
		{ "before", "the last ones before this number: 'previous' of the page after" },
		{ "resource", "only those of resources of this kind, such as vm" },
		{ "resource_id", "only those of this resource" },
		{ "kind", "only those of this kind" },
	};
	json_array_append_new(list, limit_parameter());
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		json_array_append_new(list, parameter("query", rows[i][0], rows[i][1]));
}

static json_t *parameters_of(const struct operation *op)
{
	json_t *list = json_array();
	bool changes = op->kind == OPERATION_ACTION || op->kind == OPERATION_TASK || op->kind == OPERATION_UPDATE ||
		       op->kind == OPERATION_DELETE;
	if (strstr(op->path, "{id}"))
		json_array_append_new(list, parameter("path", "id", "identifier or name"));
	if (strstr(op->path, "{ticket}"))
		json_array_append_new(list, parameter("path", "ticket", "the ticket that was given"));
	if (op->kind == OPERATION_APPEND) {
		json_t *offset =
			parameter("header", "Upload-Offset", "where this piece begins: what has arrived so far");
		json_object_set_new(offset, "required", json_true());
		json_array_append_new(list, offset);
	}
	if (strstr(op->path, "{id}") && changes)
		json_array_append_new(list, parameter("header", "If-Match", "revision (ETag) that it must still have"));
	if (operation_takes_key(op))
		json_array_append_new(list,
				      parameter("header", "Idempotency-Key",
						"the same key with the same request does it once; kept for a day"));
	if (operation_is_unsafe(op) && op->role != ROLE_NONE)
		json_array_append_new(list, parameter("header", "X-CSRF-Token",
						      "with a session: its csrf_token; not needed with a token"));
	if (op->role != ROLE_NONE)
		json_array_append_new(
			list, parameter("header", "X-Unattended",
					"with a session: a page calls by itself, with nobody at it; if this is there, "
					"whatever it says, the call does not put off the end of the session"));
	if (op->kind == OPERATION_EVENTS)
		add_event_parameters(list);
	if (op->kind == OPERATION_LIST)
		add_filters(list, op);
	if (op->kind == OPERATION_EVENTS)
		json_array_append_new(list,
				      parameter("header", "Last-Event-ID", "for the stream: the last event seen"));
	return list;
}

/* NULL: it takes none. What is put without a schema is a file. */
static json_t *body_of(json_t *components, const struct operation *op)
{
	if (op->request) {
		bool changes = op->kind == OPERATION_UPDATE, required = changes;
		for (size_t i = 0; i < op->request->field_count; i++)
			required |= (op->request->fields[i].flags & FIELD_REQUIRED) != 0;
		return json_pack("{s:b, s:o}", "required", required, "content",
				 json_content(openapi_reference(components, op->request,
								changes ? OPENAPI_CHANGED : OPENAPI_SENT)));
	}
	if (op->kind == OPERATION_APPEND)
		return json_pack("{s:b, s:{s:{}}}", "required", 1, "content", "application/offset+octet-stream");
	if (str_equal(op->method, "PUT"))
		return json_pack("{s:b, s:{s:{}}}", "required", 1, "content", "application/octet-stream");
	return NULL;
}

/* "/v1/machines/{id}/deploy" belongs to "machines"; what is of no resource to "service". */
static char *tag_of(const struct operation *op)
{
	const char *at = op->path + strlen("/v1/");
	if (op->kind == OPERATION_DOCUMENT)
		return xstrdup("service");
	return xstrndup(at, strcspn(at, "/"));
}

static json_t *operation_object(json_t *components, const struct operation *op)
{
	_cleanup_free_ char *tag = tag_of(op);
	json_t *json = json_pack("{s:s, s:s, s:[s], s:o}", "operationId", op->name, "summary", op->summary, "tags", tag,
				 "responses", answers_of(components, op));
	if (op->role == ROLE_NONE)
		json_object_set_new(json, "security", json_array()); /* nothing of the document's */
	else
		json_object_set_new(json, "x-ingot-role", json_string(role_words[op->role]));
	json_t *parameters = parameters_of(op), *body = body_of(components, op);
	if (json_array_size(parameters) > 0)
		json_object_set(json, "parameters", parameters);
	json_decref(parameters);
	if (body)
		json_object_set_new(json, "requestBody", body);
	return json;
}

static json_t *paths_of(json_t *components)
{
	json_t *paths = json_object();
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		const struct operation *op = &operations[i];
		_cleanup_free_ char *method = xstrdup(op->method);
		json_t *item = json_object_get(paths, op->path);
		if (!item) {
			item = json_object();
			json_object_set_new(paths, op->path, item);
		}
		for (char *c = method; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		json_object_set_new(item, method, operation_object(components, op));
	}
	return paths;
}

/* ---- the rest ---- */

/* Every kind of error there is: of a call that is refused, and of work that fails later. */
static json_t *codes_json(void)
{
	json_t *codes = json_array();
	for (int code = ERR_NONE + 1; code < ERR_CODE_COUNT; code++)
		json_array_append_new(codes, json_string(err_meaning((enum err_code)code)->name));
	return codes;
}

/* RFC 9457, with two members of ours. */
static json_t *problem_document(void)
{
	return json_pack("{s:s, s:s, s:[s, s, s, s], s:{s:{s:s, s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:s}, s:{s:s, s:o}, "
			 "s:{s:[s, s], s:s}}}",
			 "type", "object", "description", "why a request failed (RFC 9457)", "required", "type",
			 "title", "status", "code", "properties", "type", "type", "string", "format", "uri-reference",
			 "title", "type", "string", "status", "type", "integer", "detail", "type", "string",
			 "description", "what is wrong, and what would be right", "code", "type", "string", "enum",
			 codes_json(), "field", "type", "string", "null", "description", "the field that is wrong");
}

json_t *openapi_document(void)
{
	json_t *schemas = json_object();
	json_t *paths = paths_of(schemas);
	json_object_set_new(schemas, "problem_document", problem_document());
	json_t *event = json_object_get(json_object_get(schemas, "event"), "properties");
	json_object_set_new(json_object_get(event, "code"), "x-ingot-texts", event_texts_json());
	json_t *kept = json_object_get(json_object_get(schemas, "problem"), "properties");
	json_object_set_new(kept, "code",
			    json_pack("{s:s, s:o, s:s}", "type", "string", "enum", codes_json(), "description",
				      "stable word for the kind of error, as in problem_document"));
	json_t *problem =
		json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", "It failed", "content", "application/problem+json",
			  "schema", "$ref", "#/components/schemas/problem_document");
	json_t *bearer = json_pack("{s:s, s:s, s:s}", "type", "http", "scheme", "bearer", "description",
				   "A token; what it may do is its role");
	json_t *session =
		json_pack("{s:s, s:s, s:s, s:s}", "type", "apiKey", "in", "cookie", "name", SESSION_COOKIE,
			  "description", "Set by POST /v1/session. Calls that change something also send X-CSRF-Token");
	return json_pack(
		"{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:[{s:[]}, {s:[]}], s:o, s:{s:o, s:{s:o}, s:{s:o, s:o}}}",
		"openapi", "3.1.0", "info", "title", "Ingot", "version", INGOT_VERSION, "description",
		"Machines, the cluster made of them, and the virtual machines that run on it", "license", "name",
		"GNU General Public License v3.0 or later", "identifier", "GPL-3.0-or-later", "servers", "url", "/",
		"security", "bearer", "session", "paths", paths, "components", "schemas", schemas, "responses",
		"problem", problem, "securitySchemes", "bearer", bearer, "session", session);
}
