/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	char *dir = xstrdup("/tmp/ingot-ca-XXXXXX");

	assert_non_null(mkdtemp(dir));
	*state = dir;
	return 0;
}

static int teardown(void **state)
{
	nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

static gnutls_x509_crt_t import(const char *pem)
{
	gnutls_datum_t data = { (unsigned char *)pem, (unsigned)strlen(pem) };
	gnutls_x509_crt_t crt;

	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	assert_int_equal(gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_PEM), 0);
	return crt;
}

static unsigned verify(const char *pem, const char *authority, const char *purpose)
{
	gnutls_typed_vdata_st vdata = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose };
	gnutls_x509_trust_list_t list;
	gnutls_x509_crt_t crt = import(pem), ca = import(authority);
	unsigned status = 0;

	assert_int_equal(gnutls_x509_trust_list_init(&list, 0), 0);
	assert_int_equal(gnutls_x509_trust_list_add_cas(list, &ca, 1, 0), 1);
	assert_int_equal(gnutls_x509_trust_list_verify_crt2(list, &crt, 1, &vdata, 1, 0, &status, NULL), 0);
	gnutls_x509_trust_list_deinit(list, 0);
	gnutls_x509_crt_deinit(ca);
	gnutls_x509_crt_deinit(crt);
	return status;
}

static void test_open_twice(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *fingerprint = NULL, *sub = xasprintf("%s/pki", (char *)*state);
	_cleanup_free_ char *key = xasprintf("%s/ca.key", sub);
	struct stat st;
	struct ca *ca;

	assert_int_equal(ca_open(sub, &ca, &err), 0);
	assert_int_equal(strlen(ca_fingerprint(ca)), 64);
	fingerprint = xstrdup(ca_fingerprint(ca));
	assert_int_equal(verify(ca_pem(ca), ca_pem(ca), GNUTLS_KP_ANY), 0);
	assert_null(ca_free(ca));
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ca_open(sub, &ca, &err), 0);
	assert_string_equal(ca_fingerprint(ca), fingerprint);
	ca_free(ca);
}

/* A crash after the key and before the certificate must not end in another key. */
static void test_open_after_crash(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *pem = xasprintf("%s/ca.pem", (char *)*state), *before = NULL, *after = NULL;
	struct ca *ca;

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(csr_key_fingerprint(ca_pem(ca), &before, &err), 0);
	ca_free(ca);
	assert_int_equal(unlink(pem), 0);
	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(csr_key_fingerprint(ca_pem(ca), &after, &err), 0);
	assert_string_equal(before, after);
	ca_free(ca);
}

static void test_open_refuses(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *key = xasprintf("%s/ca.key", (char *)*state), *other_key = NULL, *csr = NULL;
	struct ca *ca = NULL;

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	ca = ca_free(ca);
	/* The key of somebody else beside the certificate. */
	assert_int_equal(csr_new("x", &other_key, &csr, &err), 0);
	assert_int_equal(write_file_atomic(key, other_key, strlen(other_key), 0600), 0);
	assert_true(ca_open(*state, &ca, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_null(ca);
	err_done(&err);
	assert_int_equal(write_file_atomic(key, "junk", 4, 0600), 0);
	assert_true(ca_open(*state, &ca, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	err_done(&err);
	/* A certificate without its key cannot be made good: a new key would orphan all nodes. */
	assert_int_equal(unlink(key), 0);
	assert_true(ca_open(*state, &ca, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.text, "ca.key"));
	assert_int_equal(access(key, F_OK), -1);
	err_done(&err);
	assert_true(ca_open("/proc/nowhere", &ca, &err) < 0);
	assert_non_null(err.text);
}

static void test_server_certificate(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *pem = NULL, *key = NULL;
	struct ca *ca;
	gnutls_x509_crt_t crt;
	const char *names[] = { "ingot.example.org", "10.0.0.1", "fd00::1", NULL };

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(ca_issue_server(ca, "ingot", names, &pem, &key, &err), 0);
	assert_non_null(strstr(key, "BEGIN PRIVATE KEY"));
	assert_int_equal(verify(pem, ca_pem(ca), GNUTLS_KP_TLS_WWW_SERVER), 0);
	assert_int_not_equal(verify(pem, ca_pem(ca), GNUTLS_KP_TLS_WWW_CLIENT), 0);
	crt = import(pem);
	assert_int_not_equal(gnutls_x509_crt_check_hostname(crt, "ingot.example.org"), 0);
	assert_int_not_equal(gnutls_x509_crt_check_hostname(crt, "10.0.0.1"), 0);
	assert_int_not_equal(gnutls_x509_crt_check_hostname(crt, "fd00::1"), 0);
	assert_int_equal(gnutls_x509_crt_check_hostname(crt, "10.0.0.2"), 0);
	assert_int_equal(gnutls_x509_crt_check_hostname(crt, "ingot"), 0);
	assert_true(gnutls_x509_crt_get_activation_time(crt) < time(NULL) - 86400);
	assert_true(gnutls_x509_crt_get_expiration_time(crt) < time(NULL) + INT64_C(825) * 86400);
	assert_int_equal(gnutls_x509_crt_get_ca_status(crt, NULL), 0);
	gnutls_x509_crt_deinit(crt);
	ca_free(ca);
}

static void test_server_certificate_of_the_same_key(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *pem = NULL, *key = NULL, *again = NULL;
	const char *names[] = { "10.0.0.1", NULL }, *more[] = { "10.0.0.1", "10.0.0.2", NULL };
	struct ca *ca;

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(ca_issue_server(ca, "ingot", names, &pem, &key, &err), 0);
	assert_int_equal(ca_reissue_server(ca, "ingot", more, key, &again, &err), 0);
	assert_true(cert_good_for(again, key, ca_pem(ca), more, 86400));
	assert_false(cert_good_for(pem, key, ca_pem(ca), more, 86400));
	assert_int_equal(ca_reissue_server(ca, "ingot", more, "no key", &again, &err), -EINVAL);
	ca_free(ca);
}

static void test_server_certificate_refuses(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char *pem = NULL, *key = NULL;
	struct ca *ca;
	const char *bad[] = { "not a name", NULL };

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_true(ca_issue_server(ca, "x", bad, &pem, &key, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text, "not a name"));
	err_done(&err);
	assert_true(ca_issue_server(ca, "", NULL, &pem, &key, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	assert_true(ca_issue_server(ca, "0123456789012345678901234567890123456789012345678901234567890123456789", NULL,
				    &pem, &key, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(pem);
	assert_null(key);
	ca_free(ca);
}

static void test_sign_request(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *key = NULL, *csr = NULL, *pem = NULL, *of_csr = NULL, *of_pem = NULL, *print = NULL;
	struct ca *ca;
	gnutls_x509_crt_t crt;
	char name[100];
	size_t size = sizeof(name);
	const char *addresses[] = { "10.1.2.3", NULL };

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(csr_new("i-want-to-be-admin", &key, &csr, &err), 0);
	assert_int_equal(ca_sign_request(ca, csr, "node-7", addresses, &pem, &err), 0);
	assert_int_equal(verify(pem, ca_pem(ca), GNUTLS_KP_TLS_WWW_CLIENT), 0);
	assert_int_equal(verify(pem, ca_pem(ca), GNUTLS_KP_TLS_WWW_SERVER), 0);
	crt = import(pem);
	assert_int_equal(gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size), 0);
	assert_string_equal(name, "node-7");
	assert_int_not_equal(gnutls_x509_crt_check_hostname(crt, "10.1.2.3"), 0);
	gnutls_x509_crt_deinit(crt);
	/* The request and its certificate speak of the same key. */
	assert_int_equal(csr_key_fingerprint(csr, &of_csr, &err), 0);
	assert_int_equal(csr_key_fingerprint(pem, &of_pem, &err), 0);
	assert_string_equal(of_csr, of_pem);
	assert_int_equal(cert_fingerprint(pem, &print, &err), 0);
	assert_string_not_equal(print, of_pem);
	assert_int_equal(strlen(print), 64);
	ca_free(ca);
}

/* A node must not pass for the provisioner, whatever it asks for. */
static void test_node_is_no_provisioner(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *key = NULL, *csr = NULL, *pem = NULL, *server = NULL, *server_key = NULL;
	static const char *const names[] = { "10.1.2.1", "provisioner.example", NULL };
	static const char *const node[] = { "10.1.2.3", NULL };
	struct ca *ca;
	gnutls_x509_crt_t crt;

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(ca_issue_server(ca, "ingot-provisioner", names, &server, &server_key, &err), 0);
	wipe(server_key, strlen(server_key));
	/* And what the provisioner shows opens nothing as a client. */
	assert_int_not_equal(verify(server, ca_pem(ca), GNUTLS_KP_TLS_WWW_CLIENT), 0);
	assert_int_equal(csr_new("ingot-provisioner", &key, &csr, &err), 0);
	assert_int_equal(ca_sign_request(ca, csr, "node-7", node, &pem, &err), 0);
	crt = import(pem);
	assert_int_equal(gnutls_x509_crt_check_hostname(crt, "10.1.2.1"), 0);
	assert_int_equal(gnutls_x509_crt_check_hostname(crt, "provisioner.example"), 0);
	assert_int_equal(gnutls_x509_crt_check_hostname(crt, "ingot-provisioner"), 0);
	assert_int_equal(gnutls_x509_crt_get_ca_status(crt, NULL), 0); /* nor does it make others */
	gnutls_x509_crt_deinit(crt);
	ca_free(ca);
}

static void test_foreign_is_foreign(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *key = NULL, *csr = NULL, *pem = NULL, *two = xasprintf("%s/two", (char *)*state);
	struct ca *ca, *other;

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(ca_open(two, &other, &err), 0);
	assert_string_not_equal(ca_fingerprint(ca), ca_fingerprint(other));
	assert_int_equal(csr_new("node", &key, &csr, &err), 0);
	assert_int_equal(ca_sign_request(other, csr, "node", NULL, &pem, &err), 0);
	assert_int_not_equal(verify(pem, ca_pem(ca), GNUTLS_KP_TLS_WWW_CLIENT), 0);
	ca_free(ca);
	ca_free(other);
}

/* Changes one letter inside the base64, away from the frame. */
static void spoil(char *pem)
{
	char *p = pem + strlen(pem) - 60;

	*p = *p == 'A' ? 'B' : 'A';
}

static void test_sign_refuses(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *key = NULL, *csr = NULL;
	char *pem = NULL, *hex = NULL;
	struct ca *ca;

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(csr_new("node", &key, &csr, &err), 0);
	assert_true(ca_sign_request(ca, key, "node", NULL, &pem, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	assert_true(ca_sign_request(ca, "", "node", NULL, &pem, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	spoil(csr);
	assert_true(ca_sign_request(ca, csr, "node", NULL, &pem, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	assert_null(pem);
	assert_true(csr_key_fingerprint("junk", &hex, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	assert_true(cert_fingerprint("junk", &hex, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(hex);
	ca_free(ca);
}

/* The request of a 1024-bit RSA key: correctly signed, and too weak. */
static void test_sign_refuses_weak_key(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	gnutls_x509_privkey_t key;
	gnutls_x509_crq_t crq;
	gnutls_datum_t pem;
	char *cert = NULL;
	struct ca *ca;

	assert_int_equal(ca_open(*state, &ca, &err), 0);
	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 1024, 0), 0);
	assert_int_equal(gnutls_x509_crq_init(&crq), 0);
	assert_int_equal(gnutls_x509_crq_set_key(crq, key), 0);
	assert_int_equal(gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem), 0);
	assert_true(ca_sign_request(ca, (char *)pem.data, "node", NULL, &cert, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text, "weak"));
	gnutls_free(pem.data);
	gnutls_x509_crq_deinit(crq);
	gnutls_x509_privkey_deinit(key);
	ca_free(ca);
}

#define CA_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CA_TEST(test_open_twice),
		CA_TEST(test_open_after_crash),
		CA_TEST(test_open_refuses),
		CA_TEST(test_server_certificate),
		CA_TEST(test_server_certificate_of_the_same_key),
		CA_TEST(test_server_certificate_refuses),
		CA_TEST(test_sign_request),
		CA_TEST(test_node_is_no_provisioner),
		CA_TEST(test_foreign_is_foreign),
		CA_TEST(test_sign_refuses),
		CA_TEST(test_sign_refuses_weak_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
