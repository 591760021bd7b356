/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/crypto_priv.h"

int ed25519_keygen(char **ret_private_pem, char **ret_public_pem, struct err *err)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	_cleanup_(gnutls_privkey_deinit_p) gnutls_privkey_t abstract = NULL;
	_cleanup_(gnutls_pubkey_deinit_p) gnutls_pubkey_t public = NULL;
	_cleanup_datum_ gnutls_datum_t pem = { 0 };
	char *private_pem;
	int r = gnutls_x509_privkey_init(&key);

	if (r >= 0)
		r = gnutls_x509_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519,
						 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0);
	if (r >= 0)
		r = gnutls_privkey_init(&abstract);
	if (r >= 0)
		r = gnutls_privkey_import_x509(abstract, key, 0);
	if (r >= 0)
		r = gnutls_pubkey_init(&public);
	if (r >= 0)
		r = gnutls_pubkey_import_privkey(public, abstract, 0, 0);
	if (r >= 0)
		r = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &pem);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot make an Ed25519 key");
	r = key_export_pem(key, &private_pem, err);
	if (r < 0)
		return r;
	*ret_private_pem = private_pem;
	*ret_public_pem = datum_text(&pem);
	return 0;
}

int ed25519_sign(const char *private_pem, const void *data, size_t len, uint8_t ret_signature[ED25519_SIGNATURE_SIZE],
		 struct err *err)
{
	_cleanup_(gnutls_privkey_deinit_p) gnutls_privkey_t key = NULL;
	_cleanup_datum_ gnutls_datum_t signature = { 0 };
	gnutls_datum_t pem, message = { .data = (unsigned char *)data, .size = (unsigned)len };
	int r;

	if (len > UINT32_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than 4 GiB cannot be signed at once");
	r = pem_borrow(private_pem, &pem, err);
	if (r < 0)
		return r;
	r = gnutls_privkey_init(&key);
	if (r >= 0)
		r = gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot read the private key");
	if (gnutls_privkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_EDDSA_ED25519)
		return err_set(err, ERR_INVALID, "the private key is not an Ed25519 key");
	r = gnutls_privkey_sign_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &message, &signature);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot sign");
	if (signature.size != ED25519_SIGNATURE_SIZE)
		return err_set(err, ERR_INTERNAL, "an Ed25519 signature of %u bytes", signature.size);
	memcpy(ret_signature, signature.data, ED25519_SIGNATURE_SIZE);
	return 0;
}

int ed25519_verify(const char *public_pem, const void *data, size_t len, const uint8_t *signature, size_t signature_len,
		   struct err *err)
{
	_cleanup_(gnutls_pubkey_deinit_p) gnutls_pubkey_t key = NULL;
	gnutls_datum_t pem, message = { .data = (unsigned char *)data, .size = (unsigned)len };
	gnutls_datum_t sig = { .data = (unsigned char *)signature, .size = (unsigned)signature_len };
	int r = pem_borrow(public_pem, &pem, err);

	if (r < 0)
		return r;
	if (len > UINT32_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than 4 GiB cannot be verified at once");
	r = gnutls_pubkey_init(&key);
	if (r >= 0)
		r = gnutls_pubkey_import(key, &pem, GNUTLS_X509_FMT_PEM);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot read the public key");
	if (gnutls_pubkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_EDDSA_ED25519)
		return err_set(err, ERR_INVALID, "the public key is not an Ed25519 key");
	if (signature_len != ED25519_SIGNATURE_SIZE)
		return err_set(err, ERR_CORRUPT, "the signature has %zu bytes instead of %d", signature_len,
			       ED25519_SIGNATURE_SIZE);
	r = gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &message, &sig);
	if (r < 0)
		return gnutls_err(err, ERR_CORRUPT, r, "the signature is not by this key over these bytes");
	return 0;
}
