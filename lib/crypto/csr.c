/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/crypto_priv.h"

int csr_new(const char *common_name, char **ret_key_pem, char **ret_csr_pem, struct err *err)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	_cleanup_(gnutls_x509_crq_deinit_p) gnutls_x509_crq_t crq = NULL;
	_cleanup_(gnutls_privkey_deinit_p) gnutls_privkey_t signer = NULL;
	_cleanup_datum_ gnutls_datum_t pem = { 0 };
	char *key_pem;
	int r = p256_key_new(&key, err);

	if (r < 0)
		return r;
	r = gnutls_x509_crq_init(&crq);
	if (r >= 0)
		r = gnutls_x509_crq_set_version(crq, 1);
	if (r >= 0)
		r = gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
						  (unsigned)strlen(common_name));
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot put the name into a certificate request");
	r = gnutls_x509_crq_set_key(crq, key);
	if (r >= 0)
		r = gnutls_privkey_init(&signer);
	if (r >= 0)
		r = gnutls_privkey_import_x509(signer, key, 0);
	if (r >= 0)
		r = gnutls_x509_crq_privkey_sign(crq, signer, GNUTLS_DIG_SHA256, 0);
	if (r >= 0)
		r = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot make a certificate request");
	r = key_export_pem(key, &key_pem, err);
	if (r < 0)
		return r;
	*ret_key_pem = key_pem;
	*ret_csr_pem = datum_text(&pem);
	return 0;
}

static int pubkey_of_pem(gnutls_pubkey_t public, const gnutls_datum_t *pem)
{
	_cleanup_(gnutls_x509_crq_deinit_p) gnutls_x509_crq_t crq = NULL;
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	int r;

	/* What it is, is left to those who read it: they take more spellings of the header than one (RFC 7468 section 7). */
	r = gnutls_x509_crq_init(&crq);
	if (r < 0)
		return r;
	if (gnutls_x509_crq_import(crq, pem, GNUTLS_X509_FMT_PEM) >= 0)
		return gnutls_pubkey_import_x509_crq(public, crq, 0);
	r = gnutls_x509_crt_init(&crt);
	if (r >= 0)
		r = gnutls_x509_crt_import(crt, pem, GNUTLS_X509_FMT_PEM);
	return r < 0 ? r : gnutls_pubkey_import_x509(public, crt, 0);
}

int csr_key_fingerprint(const char *csr_pem, char **ret_hex, struct err *err)
{
	_cleanup_(gnutls_pubkey_deinit_p) gnutls_pubkey_t public = NULL;
	_cleanup_datum_ gnutls_datum_t der = { 0 };
	gnutls_datum_t pem;
	int r = pem_borrow(csr_pem, &pem, err);

	if (r < 0)
		return r;
	r = gnutls_pubkey_init(&public);
	if (r >= 0)
		r = pubkey_of_pem(public, &pem);
	if (r >= 0)
		r = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot read a public key from the request or certificate");
	*ret_hex = sha256_hex(der.data, der.size);
	return 0;
}

static int crt_import(const char *cert_pem, gnutls_x509_crt_t *ret, struct err *err)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem;
	int r = pem_borrow(cert_pem, &pem, err);

	if (r < 0)
		return r;
	r = gnutls_x509_crt_init(&crt);
	if (r >= 0)
		r = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot read the certificate");
	*ret = TAKE_PTR(crt);
	return 0;
}

int cert_validity(const char *cert_pem, int64_t *ret_from_ms, int64_t *ret_until_ms, struct err *err)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	time_t from, until;
	int r = crt_import(cert_pem, &crt, err);

	if (r < 0)
		return r;
	from = gnutls_x509_crt_get_activation_time(crt);
	until = gnutls_x509_crt_get_expiration_time(crt);
	if (from == (time_t)-1 || until == (time_t)-1)
		return err_set(err, ERR_INVALID, "the certificate does not say how long it is good");
	*ret_from_ms = (int64_t)from * 1000;
	*ret_until_ms = (int64_t)until * 1000;
	return 0;
}

int cert_fingerprint(const char *cert_pem, char **ret_hex, struct err *err)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	_cleanup_datum_ gnutls_datum_t der = { 0 };
	int r = crt_import(cert_pem, &crt, err);

	if (r < 0)
		return r;
	r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot read the certificate");
	*ret_hex = sha256_hex(der.data, der.size);
	return 0;
}
