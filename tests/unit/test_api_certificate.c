/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of nodes through the agents' listener: whoever asks gets one in its own name, and with it its own things only. */
#include "api_world.h"

#include <gnutls/x509.h>

#define PATH "/agent/v1/certificate"

static char *common_name(const char *pem)
{
	const gnutls_datum_t text = { .data = (unsigned char *)pem, .size = (unsigned)strlen(pem) };
	gnutls_x509_crt_t crt;
	char name[100];
	size_t size = sizeof(name);

	gnutls_x509_crt_init(&crt);
	assert_int_equal(gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size), 0);
	gnutls_x509_crt_deinit(crt);
	return xstrdup(name);
}

/* Asks with a request that bears some name; gives the name on the certificate, and a client that has it. */
static char *ask(struct world *w, const char *use, const char *wanted, struct http_client **ret)
{
	_cleanup_free_ char *key = NULL, *csr = NULL;
	const char *pem;

	assert_int_equal(csr_new(wanted, &key, &csr, NULL), 0);
	assert_int_equal(
		call(w, w->agent, w->agent_origin, "POST", PATH, json_pack("{s:s, s:s}", "use", use, "csr", csr), NULL),
		200);
	pem = json_string_value(json_object_get(w->answer, "certificate"));
	assert_string_equal(json_string_value(json_object_get(w->answer, "ca")), ca_pem(w->f->ca));
	*ret = http_client_new(&(struct http_client_spec){
		.loop = w->f->loop, .ca_pem = ca_pem(w->f->ca), .cert_pem = pem, .key_pem = key });
	return common_name(pem);
}

static int ask_desired(struct world *w, struct http_client *client)
{
	return call(w, client, w->agent_origin, "GET", "/agent/v1/desired", NULL, NULL);
}

static void test_renewed(void **state)
{
	struct world *w = *state;
	struct http_client *renewed;
	/* The name of another node, or of the provisioner: the request does not decide that. */
	_cleanup_free_ char *name = ask(w, "node", "ingot-provisioner", &renewed);

	assert_string_equal(name, w->node);
	assert_int_equal(ask_desired(w, renewed), 200);
	assert_int_equal(ask_desired(w, w->agent), 200); /* the old one is good until it runs out */
	http_client_free(renewed);
}

static void test_guests(void **state)
{
	struct world *w = *state;
	struct http_client *guests;
	_cleanup_free_ char *name = ask(w, "guests", w->node, &guests), *expected = xasprintf("guests-%s", w->node);

	assert_string_equal(name, expected);
	/* It opens nothing here. */
	assert_int_equal(ask_desired(w, guests), 401);
	assert_int_equal(call(w, guests, w->agent_origin, "POST", "/agent/v1/report", json_object(), NULL), 401);
	assert_int_equal(call(w, guests, w->agent_origin, "POST", PATH, json_pack("{s:s}", "use", "node"), NULL), 401);
	http_client_free(guests);
}

static void test_refused(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *key = NULL, *csr = NULL;

	assert_int_equal(csr_new("node", &key, &csr, NULL), 0);
	assert_int_equal(call(w, w->nobody, w->agent_origin, "POST", PATH,
			      json_pack("{s:s, s:s}", "use", "node", "csr", csr), NULL),
			 401);
	assert_int_equal(call(w, w->agent, w->agent_origin, "POST", PATH,
			      json_pack("{s:s, s:s}", "use", "server", "csr", csr), NULL),
			 400);
	assert_string_equal(w->answer_err.field, "use");
	assert_int_equal(call(w, w->agent, w->agent_origin, "POST", PATH, json_pack("{s:s}", "use", "node"), NULL),
			 400);
	assert_string_equal(w->answer_err.field, "csr");
	assert_int_equal(call(w, w->agent, w->agent_origin, "POST", PATH,
			      json_pack("{s:s, s:s}", "use", "node", "csr", "no request"), NULL),
			 400);
	/* A node that is gone gets none, however good its certificate. */
	store_begin(w->rack.controller->store);
	store_remove(w->rack.controller->store, &kind_node, w->node);
	assert_int_equal(store_commit(w->rack.controller->store, NULL), 0);
	assert_int_equal(call(w, w->agent, w->agent_origin, "POST", PATH,
			      json_pack("{s:s, s:s}", "use", "node", "csr", csr), NULL),
			 401);
}

/* One that asks all the time, for its clock is wrong, costs no signature and no commit each time. */
static void test_asked_for_too_often(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *key = NULL, *csr = NULL;

	assert_int_equal(csr_new("x", &key, &csr, NULL), 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(call(w, w->agent, w->agent_origin, "POST", PATH,
				      json_pack("{s:s, s:s}", "use", "node", "csr", csr), NULL),
				 200);
	assert_int_equal(call(w, w->agent, w->agent_origin, "POST", PATH,
			      json_pack("{s:s, s:s}", "use", "node", "csr", csr), NULL),
			 429);
	assert_non_null(strstr(w->answer_err.text, "its clock may be wrong"));
	assert_int_equal(ask_desired(w, w->agent), 200); /* and harms nothing else of it */
}

int main(void)
{
#define CERTIFICATE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CERTIFICATE_TEST(test_renewed),
		CERTIFICATE_TEST(test_guests),
		CERTIFICATE_TEST(test_refused),
		CERTIFICATE_TEST(test_asked_for_too_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
