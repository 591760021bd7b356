/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hashes, Ed25519 signatures, keys, and the certificate authority of a cluster; GnuTLS underneath. Any thread. */
#ifndef INGOT_CRYPTO_CRYPTO_H
#define INGOT_CRYPTO_CRYPTO_H

#include "base/err.h"

#define SHA256_SIZE 32
#define ED25519_SIGNATURE_SIZE 64

/* ---- hashing ---- */

struct sha256;
struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *h, const void *data, size_t len);
void sha256_final(struct sha256 *h, uint8_t ret_digest[SHA256_SIZE]); /* and frees h */
struct sha256 *sha256_free(struct sha256 *h);
DEFINE_CLEANUP(struct sha256 *, sha256_free)
void sha256_of(const void *data, size_t len, uint8_t ret_digest[SHA256_SIZE]);
/* Of a whole file, from its beginning, wherever the descriptor is. 0, or a negative errno. Blocks. */
int sha256_of_file(int fd, uint8_t ret_digest[SHA256_SIZE]);
/* Hexadecimal; the caller frees. */
char *sha256_hex(const void *data, size_t len);
/* HMAC (RFC 2104) with SHA-256; hexadecimal; the caller frees. */
char *hmac_sha256_hex(const void *key, size_t key_len, const void *data, size_t len);

/* A token: prefix, '_' and 32 random bytes in URL-safe base64; the caller frees and wipes. */
char *token_new(const char *prefix);

/* ---- Ed25519 (RFC 8032), keys as PEM (PKCS #8, SubjectPublicKeyInfo) ---- */

/* Makes a key pair. The caller frees both, and wipes the private one. */
int ed25519_keygen(char **ret_private_pem, char **ret_public_pem, struct err *err);
int ed25519_sign(const char *private_pem, const void *data, size_t len, uint8_t ret_signature[ED25519_SIGNATURE_SIZE],
		 struct err *err);
/* 0 if the signature is right; ERR_CORRUPT if not; ERR_INVALID if the key cannot be read. */
int ed25519_verify(const char *public_pem, const void *data, size_t len, const uint8_t *signature, size_t signature_len,
		   struct err *err);

/* ---- the certificate authority (RFC 5280), ECDSA P-256 ---- */

struct ca;
/* Loads DIR/ca.key and DIR/ca.pem, or makes them (key mode 0600, written before the certificate). */
int ca_open(const char *dir, struct ca **ret_ca, struct err *err);
struct ca *ca_free(struct ca *ca);
DEFINE_CLEANUP(struct ca *, ca_free)
const char *ca_pem(const struct ca *ca);	 /* borrowed */
const char *ca_fingerprint(const struct ca *ca); /* SHA-256 of the DER, hexadecimal; borrowed */

/* The common name on the provisioner's certificate. Nodes' certificates are servers' as well, at addresses that may be the
 * provisioner's: who speaks to the provisioner looks at the name. */
#define CERT_PROVISIONER "ingot-provisioner"

/* A server certificate with its new key. names: DNS names and IP addresses for subjectAltName, NULL-terminated. */
int ca_issue_server(struct ca *ca, const char *common_name, const char *const *names, char **ret_cert_pem,
		    char **ret_key_pem, struct err *err);
/* The same for a key that there is. ERR_INVALID if it cannot be read. */
int ca_reissue_server(struct ca *ca, const char *common_name, const char *const *names, const char *key_pem,
		      char **ret_cert_pem, struct err *err);
/* A certificate for a request (PKCS #10, RFC 2986), after its self-signature was checked; what it asks for is ignored but
 * its key: the name is common_name, the addresses go to subjectAltName, usage is TLS client and server. ERR_INVALID for a
 * bad request. */
int ca_sign_request(struct ca *ca, const char *csr_pem, const char *common_name, const char *const *addresses,
		    char **ret_cert_pem, struct err *err);

/* A node has two certificates: one bears its name and speaks for it; one bears its name behind this, is what its QEMUs show each
 * other when a virtual machine moves, and is good for nothing else. */
#define CERT_GUESTS_PREFIX "guests-"

/* For an agent: makes a P-256 key and a request for it. */
int csr_new(const char *common_name, char **ret_key_pem, char **ret_csr_pem, struct err *err);
/* SHA-256 (hex) of the public key in a request or a certificate: tells whether two are of the same key. */
int csr_key_fingerprint(const char *csr_pem, char **ret_hex, struct err *err);
/* From when until when a PEM certificate is good, in ms since 1970. ERR_INVALID if it cannot be read. */
int cert_validity(const char *cert_pem, int64_t *ret_from_ms, int64_t *ret_until_ms, struct err *err);
/* Whether a server may go on showing the first certificate of cert_pem: it is key_pem's, the authority of ca_text signed it, it
 * is for all of these names and addresses (NULL-terminated), and it is good now and for spare_s more seconds. What cannot be
 * read is not. */
bool cert_good_for(const char *cert_pem, const char *key_pem, const char *ca_text, const char *const *names,
		   int64_t spare_s);
/* Whether the first certificate is for this name or address; what cannot be read is for none. */
bool cert_is_for(const char *cert_pem, const char *name);
/* SHA-256 (hex) of the DER of a PEM certificate; of several, of the first. */
int cert_fingerprint(const char *cert_pem, char **ret_hex, struct err *err);

#endif
