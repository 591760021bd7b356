/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OpenAPI document against the tables it is made from, and against the rules of OpenAPI 3.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

#include <cmocka.h>

#include "proto/operations.h"

static json_t *document;

static int setup(void **state)
{
	document = openapi_document();
	return document ? 0 : -1;
}

static int teardown(void **state)
{
	json_decref(document);
	return 0;
}

/* "#/components/schemas/vm" in the document (RFC 6901); NULL if there is no such place. */
static json_t *resolve(const char *reference)
{
	json_t *at = document;
	if (!str_starts(reference, "#/"))
		return NULL;
	_cleanup_free_ char *path = xstrdup(reference + 2);
	char *rest = path;
	for (char *part; at && (part = strsep(&rest, "/"));)
		at = json_object_get(at, part);
	return at;
}

static size_t check_references(const json_t *json)
{
	const char *key;
	json_t *value;
	size_t i, count = 0;
	json_object_foreach((json_t *)json, key, value) {
		if (str_equal(key, "$ref") && json_is_string(value)) {
			if (!json_is_object(resolve(json_string_value(value))))
				fail_msg("%s leads nowhere", json_string_value(value));
			count++;
		}
		count += check_references(value);
	}
	json_array_foreach((json_t *)json, i, value)
		count += check_references(value);
	return count;
}

static json_t *operation_of(const struct operation *op)
{
	const char *method;
	json_t *value, *item = json_object_get(json_object_get(document, "paths"), op->path);
	json_object_foreach(item, method, value)
		if (strcasecmp(method, op->method) == 0)
			return value;
	return NULL;
}

static json_t *dig(const json_t *json, const char *a, const char *b, const char *c)
{
	json_t *at = json_object_get(json, a);
	at = b ? json_object_get(at, b) : at;
	return c ? json_object_get(at, c) : at;
}

static void test_frame(void **state)
{
	assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.1.0");
	assert_string_equal(json_string_value(dig(document, "info", "version", NULL)), INGOT_VERSION);
	assert_non_null(dig(document, "info", "title", NULL));
	json_t *bearer = dig(document, "components", "securitySchemes", "bearer");
	assert_string_equal(json_string_value(json_object_get(bearer, "type")), "http");
	assert_string_equal(json_string_value(json_object_get(bearer, "scheme")), "bearer");
	assert_true(json_is_array(json_object_get(json_array_get(json_object_get(document, "security"), 0), "bearer")));
}

static void test_references_lead_somewhere(void **state)
{
	assert_true(check_references(document) > 2 * OPERATION_COUNT);
}

static void test_every_operation_is_there_once(void **state)
{
	size_t count = 0;
	const char *path, *method;
	json_t *item, *op;
	json_object_foreach(json_object_get(document, "paths"), path, item)
		json_object_foreach(item, method, op)
			count++;
	assert_int_equal(count, OPERATION_COUNT);
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		json_t *found = operation_of(&operations[i]);
		if (!found)
			fail_msg("%s is missing", operations[i].name);
		assert_string_equal(json_string_value(json_object_get(found, "operationId")), operations[i].name);
		assert_string_equal(json_string_value(json_object_get(found, "summary")), operations[i].summary);
		assert_non_null(dig(found, "responses", "default", "$ref"));
		assert_true(json_object_size(json_object_get(found, "responses")) >= 2);
	}
}

static void test_path_parameters_are_declared(void **state)
{
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		bool wanted = strchr(operations[i].path, '{'), found = false;
		size_t n;
		json_t *parameter;
		json_array_foreach(json_object_get(operation_of(&operations[i]), "parameters"), n, parameter) {
			if (!str_equal(json_string_value(json_object_get(parameter, "in")), "path"))
				continue;
			_cleanup_free_ char *braced =
				xasprintf("{%s}", json_string_value(json_object_get(parameter, "name")));
			assert_non_null(strstr(operations[i].path, braced));
			assert_true(json_is_true(json_object_get(parameter, "required")));
			found = true;
		}
		assert_int_equal(wanted, found);
	}
}

/* The component a JSON body refers to, or NULL. */
static json_t *body_component(const json_t *holder)
{
	json_t *json = dig(holder, "content", "application/json", "schema");
	const char *reference = json_string_value(json_object_get(json, "$ref"));
	return reference ? resolve(reference) : NULL;
}

/* flag: FIELD_CREATE, or FIELD_UPDATE for what is sent to change something. */
static void check_sent(const struct schema *schema, const json_t *component, unsigned flag)
{
	const char *key;
	json_t *value, *properties = json_object_get(component, "properties");
	size_t settable = 0, required = 0;
	assert_true(json_is_false(json_object_get(component, "additionalProperties")));
	json_object_foreach(properties, key, value) {
		const struct field *f = schema_field(schema, key);
		if (!f || !(f->flags & flag))
			fail_msg("%s.%s cannot be sent", schema->name, key);
		if (f->of)
			check_sent(
				f->of,
				resolve(json_string_value(json_object_get(
					f->type == FIELD_OBJECTS ? json_object_get(value, "items") : value, "$ref"))),
				flag);
	}
	for (size_t i = 0; i < schema->field_count; i++) {
		settable += (schema->fields[i].flags & flag) != 0;
		required += flag == FIELD_CREATE && (schema->fields[i].flags & FIELD_REQUIRED) != 0;
	}
	assert_int_equal(json_object_size(properties), settable);
	assert_int_equal(json_array_size(json_object_get(component, "required")), required);
}

static void test_requests_have_only_what_may_be_set(void **state)
{
	size_t checked = 0;
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		const struct operation *op = &operations[i];
		json_t *body = json_object_get(operation_of(op), "requestBody");
		if (!op->request) {
			const char *type = operations[i].kind == OPERATION_APPEND ? "application/offset+octet-stream"
										  : "application/octet-stream";
			assert_true(!body || json_is_object(dig(body, "content", type, NULL)));
			continue;
		}
		json_t *component = body_component(body);
		assert_non_null(component);
		check_sent(op->request, component, op->kind == OPERATION_UPDATE ? FIELD_UPDATE : FIELD_CREATE);
		checked++;
	}
	assert_true(checked >= 6);
}

static void check_shown(const struct schema *schema, const json_t *component)
{
	size_t shown = 0;
	json_t *properties = json_object_get(component, "properties");
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];
		json_t *property = json_object_get(properties, f->name);
		assert_int_equal(property != NULL, (f->flags & FIELD_INTERNAL) == 0);
		if (!property)
			continue;
		shown++;
		assert_string_equal(json_string_value(json_object_get(property, "description")), f->help);
		if (f->type == FIELD_ENUM)
			for (size_t w = 0; f->words[w]; w++)
				assert_string_equal(
					json_string_value(json_array_get(json_object_get(property, "enum"), w)),
					f->words[w]);
	}
	bool revised = schema_field(schema, "id") && schema != &event_schema;
	assert_int_equal(json_object_get(properties, "revision") != NULL, revised);
	assert_int_equal(json_array_size(json_object_get(component, "required")), shown + revised);
}

/* The component of an operation's answer. */
static json_t *answer_component(const struct operation *op)
{
	static const char *const statuses[] = { "200", "201", "202" };
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		json_t *answer = dig(operation_of(op), "responses", statuses[i], NULL);
		json_t *schema = dig(answer, "content", "application/json", "schema");
		const char *reference = json_string_value(json_object_get(schema, "$ref"));
		if (!reference)
			reference = json_string_value(json_object_get(
				json_object_get(dig(schema, "properties", "items", NULL), "items"), "$ref"));
		if (reference)
			return resolve(reference);
	}
	return NULL;
}

static void test_answers_show_all_but_internal_fields(void **state)
{
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		if (!operations[i].response)
			continue;
		json_t *component = answer_component(&operations[i]);
		if (!component)
			fail_msg("%s has no answer", operations[i].name);
		check_shown(operations[i].response, component);
	}
	_cleanup_free_ char *text = json_dumps(document, 0);
	assert_null(strstr(text, "bmc_password"));
	assert_null(strstr(text, "live_token"));
}

static json_t *property(const char *component, const char *name)
{
	return dig(dig(document, "components", "schemas", component), "properties", name, NULL);
}

static void test_bounds_defaults_and_formats(void **state)
{
	json_t *cpus = property("vm_request", "cpus");
	assert_int_equal(json_integer_value(json_object_get(cpus, "minimum")), 1);
	assert_int_equal(json_integer_value(json_object_get(cpus, "maximum")), 256);
	assert_int_equal(json_integer_value(json_object_get(cpus, "default")), 1);
	json_t *memory = property("vm_request", "memory_bytes");
	assert_int_equal(json_integer_value(json_object_get(memory, "default")), 128 * MIB);
	json_t *forms = json_object_get(memory, "oneOf");
	assert_int_equal(json_array_size(forms), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(forms, 0), "minimum")), 16 * MIB);
	assert_string_equal(json_string_value(json_object_get(json_array_get(forms, 1), "pattern")), BYTES_PATTERN);
	assert_string_equal(json_string_value(json_object_get(property("vm", "memory_bytes"), "type")), "integer");
	assert_string_equal(json_string_value(json_object_get(property("task", "created"), "format")), "date-time");
	assert_string_equal(json_string_value(json_object_get(property("machine_power_request", "action"), "type")),
			    "string");
	/* What creation asks for is never null in an answer; what may be unset may. */
	assert_true(json_is_string(json_object_get(property("vm", "name"), "type")));
	assert_true(json_is_array(json_object_get(property("vm", "node"), "type")));
	assert_true(json_is_array(json_object_get(property("vm", "error"), "oneOf")));
}

static void test_lists_can_be_filtered(void **state)
{
	static const char *const wanted[] = { "limit", "cursor", "sort", "q", "state", "serial", "macs" };
	size_t i, found = 0;
	json_t *parameter;
	json_array_foreach(json_object_get(operation_of(&operations[OP_MACHINE_LIST]), "parameters"), i, parameter) {
		const char *name = json_string_value(json_object_get(parameter, "name"));
		for (size_t w = 0; w < ARRAY_SIZE(wanted); w++)
			found += str_equal(name, wanted[w]);
		/* Secrets, times and what has parts cannot be asked for. */
		assert_false(str_equal(name, "bmc_password") || str_equal(name, "created") ||
			     str_equal(name, "inventory"));
		if (str_equal(name, "state"))
			assert_string_equal(json_string_value(json_array_get(dig(parameter, "schema", "items", "enum"),
									     MACHINE_READY)),
					    "ready");
		if (str_equal(name, "sort"))
			assert_non_null(
				strstr(json_string_value(json_object_get(parameter, "description")), "created"));
	}
	assert_int_equal(found, ARRAY_SIZE(wanted));
}

static void test_a_session_is_another_way_to_be_known(void **state)
{
	json_t *session = dig(document, "components", "securitySchemes", "session"), *parameter;
	assert_string_equal(json_string_value(json_object_get(session, "name")), SESSION_COOKIE);
	assert_int_equal(json_array_size(json_object_get(document, "security")), 2);
	for (size_t i = 0; i < OPERATION_COUNT; i++) {
		const struct operation *op = &operations[i];
		json_t *own = json_object_get(operation_of(op), "security");
		bool csrf = false, unattended = false;
		size_t n;
		assert_int_equal(own != NULL, op->role == ROLE_NONE);
		assert_int_equal(json_array_size(own), 0);
		json_array_foreach(json_object_get(operation_of(op), "parameters"), n, parameter) {
			const char *name = json_string_value(json_object_get(parameter, "name"));
			csrf |= str_equal(name, "X-CSRF-Token");
			unattended |= str_equal(name, "X-Unattended");
		}
		assert_int_equal(csrf, operation_is_unsafe(op) && op->role != ROLE_NONE);
		assert_int_equal(unattended, op->role != ROLE_NONE);
	}
}

/* What a call is refused with, and what work that failed is shown with: each kind of error, by one word. */
static void test_problem_document(void **state)
{
	json_t *codes = json_object_get(property("problem_document", "code"), "enum");
	assert_int_equal(json_array_size(codes), ERR_CODE_COUNT - 1);
	assert_true(json_equal(codes, json_object_get(property("problem", "code"), "enum")));
	for (int code = ERR_NONE + 1; code < ERR_CODE_COUNT; code++) {
		_cleanup_err_ struct err err = ERR_INIT, back = ERR_INIT;
		err_set(&err, (enum err_code)code, "why");
		struct problem *problem = problem_new(&err);
		assert_string_equal(problem->code, json_string_value(json_array_get(codes, (size_t)code - 1)));
		problem_to_err(problem, &back);
		assert_int_equal(back.code, code);
		schema_free(&problem_schema, problem);
	}
	assert_non_null(
		dig(dig(document, "components", "responses", "problem"), "content", "application/problem+json", NULL));
}

/* Of an agent of another version, or one that says that nothing is wrong and why. */
static void test_an_unknown_code_is_not_passed_on(void **state)
{
	static const char *const told[] = { "from-the-future", "none", "", NULL };
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		const struct problem problem = { .code = (char *)told[i],
						 .text = (char *)"why",
						 .field = (char *)"disk" };
		struct problem *known = problem_known(&problem);
		assert_string_equal(known->code, "internal");
		assert_string_equal(known->text, "why");
		assert_string_equal(known->field, "disk");
		schema_free(&problem_schema, known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_references_lead_somewhere),
		cmocka_unit_test(test_every_operation_is_there_once),
		cmocka_unit_test(test_path_parameters_are_declared),
		cmocka_unit_test(test_requests_have_only_what_may_be_set),
		cmocka_unit_test(test_answers_show_all_but_internal_fields),
		cmocka_unit_test(test_bounds_defaults_and_formats),
		cmocka_unit_test(test_lists_can_be_filtered),
		cmocka_unit_test(test_a_session_is_another_way_to_be_known),
		cmocka_unit_test(test_problem_document),
		cmocka_unit_test(test_an_unknown_code_is_not_passed_on),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
