/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sources of lib/crypto share: GnuTLS objects with cleanup, PEM in and out. */
#ifndef INGOT_CRYPTO_CRYPTO_PRIV_H
#define INGOT_CRYPTO_CRYPTO_PRIV_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "crypto/crypto.h"

DEFINE_CLEANUP(gnutls_privkey_t, gnutls_privkey_deinit)
DEFINE_CLEANUP(gnutls_pubkey_t, gnutls_pubkey_deinit)
DEFINE_CLEANUP(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit)
DEFINE_CLEANUP(gnutls_x509_crt_t, gnutls_x509_crt_deinit)
DEFINE_CLEANUP(gnutls_x509_crq_t, gnutls_x509_crq_deinit)

/* A datum that GnuTLS allocated: wiped, since it may be a private key. */
static inline void datum_wipe(gnutls_datum_t *datum)
{
	if (datum->data) {
		wipe(datum->data, datum->size);
		gnutls_free(datum->data);
	}
	*datum = (gnutls_datum_t){ 0 };
}
#define _cleanup_datum_ _cleanup_(datum_wipe)

/* Keys, requests and certificates are a few kilobytes; what is longer was not made by us. */
#define PEM_MAX_BYTES (64 * KIB)

/* Borrows a PEM text of bounded size. ERR_INVALID past the bound. */
int pem_borrow(const char *pem, gnutls_datum_t *ret, struct err *err);
/* "<what>: <GnuTLS's text>". Returns the negative errno of code. */
int gnutls_err(struct err *err, enum err_code code, int status, const char *what);
/* A new P-256 key. */
int p256_key_new(gnutls_x509_privkey_t *ret, struct err *err);
/* PKCS #8, unencrypted. The caller wipes and frees. */
int key_export_pem(gnutls_x509_privkey_t key, char **ret_pem, struct err *err);
/* The URL-safe alphabet without padding (RFC 4648 section 5); the caller frees. */
char *base64_url_encode(const void *data, size_t len);
/* Copies a datum to a NUL-terminated string. */
char *datum_text(const gnutls_datum_t *datum);

#endif
