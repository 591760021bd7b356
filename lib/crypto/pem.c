/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/crypto_priv.h"

int pem_borrow(const char *pem, gnutls_datum_t *ret, struct err *err)
{
	size_t len = pem ? strnlen(pem, PEM_MAX_BYTES + 1) : 0;

	if (len == 0)
		return err_set(err, ERR_INVALID, "PEM text is empty");
	if (len > PEM_MAX_BYTES)
		return err_set(err, ERR_INVALID, "PEM text is longer than %u bytes", (unsigned)PEM_MAX_BYTES);
	*ret = (gnutls_datum_t){ .data = (unsigned char *)pem, .size = (unsigned)len };
	return 0;
}

int gnutls_err(struct err *err, enum err_code code, int status, const char *what)
{
	return err_set(err, code, "%s: %s", what, gnutls_strerror(status));
}

char *datum_text(const gnutls_datum_t *datum)
{
	return xstrndup((const char *)datum->data, datum->size);
}

int p256_key_new(gnutls_x509_privkey_t *ret, struct err *err)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	int r = gnutls_x509_privkey_init(&key);

	if (r >= 0)
		r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
						 0);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot make a P-256 key");
	*ret = TAKE_PTR(key);
	return 0;
}

int key_export_pem(gnutls_x509_privkey_t key, char **ret_pem, struct err *err)
{
	_cleanup_datum_ gnutls_datum_t pem = { 0 };
	int r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot export a private key");
	*ret_pem = datum_text(&pem);
	return 0;
}
