/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a server's certificate that was kept can be shown once more. */
#include <arpa/inet.h>
#include <time.h>

#include "crypto/crypto_priv.h"

static bool is_of_key(gnutls_x509_crt_t crt, const char *key_pem)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	unsigned char of_key[64], of_crt[64];
	size_t of_key_size = sizeof(of_key), of_crt_size = sizeof(of_crt);
	gnutls_datum_t pem;

	return pem_borrow(key_pem, &pem, NULL) == 0 && gnutls_x509_privkey_init(&key) == 0 &&
	       gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN) == 0 &&
	       gnutls_x509_crt_get_key_id(crt, 0, of_crt, &of_crt_size) == 0 &&
	       gnutls_x509_privkey_get_key_id(key, 0, of_key, &of_key_size) == 0 && of_key_size == of_crt_size &&
	       memcmp(of_key, of_crt, of_key_size) == 0;
}

static bool is_of_issuer(gnutls_x509_crt_t crt, const char *ca_text)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t issuer = NULL;
	gnutls_datum_t pem;
	unsigned status = 0;

	/* Times are judged by the caller, which wants some left. */
	return pem_borrow(ca_text, &pem, NULL) == 0 && gnutls_x509_crt_init(&issuer) == 0 &&
	       gnutls_x509_crt_import(issuer, &pem, GNUTLS_X509_FMT_PEM) == 0 &&
	       gnutls_x509_crt_verify(crt, &issuer, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) == 0 && status == 0;
}

static bool is_for(gnutls_x509_crt_t crt, const char *name)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1)
		return gnutls_x509_crt_check_ip(crt, address, 4, 0) != 0;
	if (inet_pton(AF_INET6, name, address) == 1)
		return gnutls_x509_crt_check_ip(crt, address, 16, 0) != 0;
	return gnutls_x509_crt_check_hostname2(crt, name, 0) != 0;
}

bool cert_good_for(const char *cert_pem, const char *key_pem, const char *ca_text, const char *const *names,
		   int64_t spare_s)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	time_t now = time(NULL);
	gnutls_datum_t pem;

	if (pem_borrow(cert_pem, &pem, NULL) < 0 || gnutls_x509_crt_init(&crt) < 0 ||
	    gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) < 0 || !is_of_key(crt, key_pem) ||
	    !is_of_issuer(crt, ca_text) || gnutls_x509_crt_get_activation_time(crt) > now ||
	    gnutls_x509_crt_get_expiration_time(crt) < now + spare_s)
		return false;
	for (; *names; names++) {
		if (!is_for(crt, *names))
			return false;
	}
	return true;
}

bool cert_is_for(const char *cert_pem, const char *name)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem;

	return pem_borrow(cert_pem, &pem, NULL) == 0 && gnutls_x509_crt_init(&crt) == 0 &&
	       gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == 0 && is_for(crt, name);
}
