/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "crypto/crypto_priv.h"

#define DAY_S INT64_C(86400)
/* A blank machine's clock may be behind; a certificate must be good there as well. */
#define BACKDATE_S (2 * DAY_S)
#define CA_LIFE_S (20 * 365 * DAY_S)
/* Clients refuse server certificates that live longer than 825 days; the provisioner makes a new one as it starts. */
#define SERVER_LIFE_S (820 * DAY_S)
/* A node asks for another when two thirds have passed. Whether it is let in is decided by the provisioner's records anyway: what
 * is left is for those that are off, or cut off, for long. */
#define NODE_LIFE_S (3 * 365 * DAY_S)

struct ca {
	pthread_mutex_t lock; /* GnuTLS promises nothing about two threads signing with one key object */
	gnutls_x509_crt_t crt;
	gnutls_privkey_t key;
	char *pem;
	char *fingerprint;
};

struct ca *ca_free(struct ca *ca)
{
	if (!ca)
		return NULL;
	if (ca->crt)
		gnutls_x509_crt_deinit(ca->crt);
	if (ca->key)
		gnutls_privkey_deinit(ca->key);
	pthread_mutex_destroy(&ca->lock);
	free(ca->pem);
	free(ca->fingerprint);
	free(ca);
	return NULL;
}

const char *ca_pem(const struct ca *ca)
{
	return ca->pem;
}

const char *ca_fingerprint(const struct ca *ca)
{
	return ca->fingerprint;
}

/* ---- building certificates ---- */

static int crt_set_name(gnutls_x509_crt_t crt, const char *common_name, struct err *err)
{
	size_t len = strlen(common_name);
	int r;

	if (len == 0 || len > 64) /* ub-common-name, RFC 5280 appendix A.1 */
		return err_set(err, ERR_INVALID, "a common name has 1 to 64 characters, not %zu", len);
	r = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common_name, (unsigned)len);
	return r < 0 ? gnutls_err(err, ERR_INVALID, r, "cannot use the common name") : 0;
}

static bool dns_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= 253 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*") == len;
}

static int crt_add_alt_names(gnutls_x509_crt_t crt, const char *const *names, struct err *err)
{
	for (; names && *names; names++) {
		unsigned char address[16];
		int r;

		if (inet_pton(AF_INET, *names, address) == 1)
			r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4,
								 GNUTLS_FSAN_APPEND);
		else if (inet_pton(AF_INET6, *names, address) == 1)
			r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 16,
								 GNUTLS_FSAN_APPEND);
		else if (dns_name_valid(*names))
			r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, *names,
								 (unsigned)strlen(*names), GNUTLS_FSAN_APPEND);
		else
			return err_set(err, ERR_INVALID, "\"%.80s\" is neither an address nor a DNS name", *names);
		if (r < 0)
			return gnutls_err(err, ERR_INTERNAL, r, "cannot add a name to a certificate");
	}
	return 0;
}

/* Version, serial number, times. not_after is cut to what the issuer has left. */
static int crt_set_frame(gnutls_x509_crt_t crt, int64_t life_s, gnutls_x509_crt_t issuer)
{
	unsigned char serial[16];
	time_t now = time(NULL), until = now + life_s;
	int r;

	random_bytes(serial, sizeof(serial));
	serial[0] =
		(unsigned char)((serial[0] & 0x7f) | 0x40); /* positive and of full length: RFC 5280 section 4.1.2.2 */
	if (issuer)
		until = MIN_OF(until, gnutls_x509_crt_get_expiration_time(issuer));
	r = gnutls_x509_crt_set_version(crt, 3);
	if (r >= 0)
		r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (r >= 0)
		r = gnutls_x509_crt_set_activation_time(crt, now - BACKDATE_S);
	if (r >= 0)
		r = gnutls_x509_crt_set_expiration_time(crt, until);
	return r;
}

static int crt_set_key_id(gnutls_x509_crt_t crt)
{
	unsigned char id[64];
	size_t size = sizeof(id);
	int r = gnutls_x509_crt_get_key_id(crt, 0, id, &size);

	return r < 0 ? r : gnutls_x509_crt_set_subject_key_id(crt, id, size);
}

static int crt_set_authority(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
	unsigned char id[64];
	size_t size = sizeof(id);
	int r = gnutls_x509_crt_get_subject_key_id(issuer, id, &size, NULL);

	return r < 0 ? r : gnutls_x509_crt_set_authority_key_id(crt, id, size);
}

/* What all end certificates have; the key is set already. Signs. */
static int crt_finish(struct ca *ca, gnutls_x509_crt_t crt, int64_t life_s, bool client, char **ret_pem,
		      struct err *err)
{
	_cleanup_datum_ gnutls_datum_t pem = { 0 };
	int r = crt_set_frame(crt, life_s, ca->crt);

	if (r >= 0)
		r = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (r >= 0)
		/* An ECDSA key signs only, but libvirt and QEMU refuse certificates without the second. */
		r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (r >= 0 && client)
		r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	if (r >= 0)
		r = crt_set_key_id(crt);
	if (r >= 0)
		r = crt_set_authority(crt, ca->crt);
	if (r >= 0) {
		pthread_mutex_lock(&ca->lock);
		r = gnutls_x509_crt_privkey_sign(crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0);
		pthread_mutex_unlock(&ca->lock);
	}
	if (r >= 0)
		r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot make a certificate");
	*ret_pem = datum_text(&pem);
	return 0;
}

static int ca_self_sign(gnutls_x509_privkey_t key, gnutls_privkey_t signer, char **ret_pem, struct err *err)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	_cleanup_datum_ gnutls_datum_t pem = { 0 };
	_cleanup_free_ char *name = NULL;
	uint8_t tag[4];
	int r = gnutls_x509_crt_init(&crt);

	/* A name of its own: two clusters' authorities must not look alike in a trust store. */
	random_bytes(tag, sizeof(tag));
	{
		_cleanup_free_ char *hex = hex_encode(tag, sizeof(tag));

		name = xasprintf("Ingot CA %s", hex);
	}
	if (r >= 0)
		r = gnutls_x509_crt_set_key(crt, key);
	if (r >= 0)
		r = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	if (r >= 0)
		r = crt_set_frame(crt, CA_LIFE_S, NULL);
	if (r >= 0)
		r = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (r >= 0)
		r = crt_set_key_id(crt);
	if (r >= 0)
		r = gnutls_x509_crt_privkey_sign(crt, crt, signer, GNUTLS_DIG_SHA256, 0);
	if (r >= 0)
		r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot make the authority's certificate");
	*ret_pem = datum_text(&pem);
	return 0;
}

/* ---- opening ---- */

/* A text file, or NULL in *ret if there is none. */
static int load_text(const char *path, char **ret, struct err *err)
{
	size_t len;
	int r = read_file(path, PEM_MAX_BYTES, ret, &len);

	if (r == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	return r < 0 ? err_set_errno(err, r, "cannot read %s", path) : 0;
}

static int save_text(const char *path, const char *text, unsigned mode, struct err *err)
{
	int r = write_file_atomic(path, text, strlen(text), mode);

	return r < 0 ? err_set_errno(err, r, "cannot write %s", path) : 0;
}

static int ca_load_key(const char *path, const char *key_pem, gnutls_x509_privkey_t *ret, struct err *err)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	gnutls_datum_t pem;
	int r = pem_borrow(key_pem, &pem, err);

	if (r < 0)
		return err_prefix(err, "%s", path);
	r = gnutls_x509_privkey_init(&key);
	if (r >= 0)
		r = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	if (r < 0)
		return gnutls_err(err, ERR_CORRUPT, r, path);
	*ret = TAKE_PTR(key);
	return 0;
}

/* The key from the file, or a new one that is in the file when this returns. */
static int ca_get_key(const char *path, bool may_make, gnutls_x509_privkey_t *ret, struct err *err)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	char *pem = NULL;
	int r = load_text(path, &pem, err);

	if (r < 0)
		return r;
	if (pem) {
		r = ca_load_key(path, pem, &key, err);
	} else if (!may_make) {
		return err_set(err, ERR_CORRUPT, "%s is missing, but its certificate is there", path);
	} else {
		r = p256_key_new(&key, err);
		if (r >= 0)
			r = key_export_pem(key, &pem, err);
		if (r >= 0)
			r = save_text(path, pem, 0600, err);
	}
	if (pem)
		wipe(pem, strlen(pem));
	free(pem);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(key);
	return 0;
}

/* Takes the certificate's text in and checks that it belongs to the key. */
static int ca_import(struct ca *ca, const char *path, gnutls_x509_privkey_t key, struct err *err)
{
	unsigned char of_key[64], of_crt[64];
	size_t of_key_size = sizeof(of_key), of_crt_size = sizeof(of_crt);
	gnutls_datum_t pem;
	int r = pem_borrow(ca->pem, &pem, err);

	if (r < 0)
		return err_prefix(err, "%s", path);
	r = gnutls_x509_crt_init(&ca->crt);
	if (r >= 0)
		r = gnutls_x509_crt_import(ca->crt, &pem, GNUTLS_X509_FMT_PEM);
	if (r >= 0)
		r = gnutls_x509_crt_get_key_id(ca->crt, 0, of_crt, &of_crt_size);
	if (r >= 0)
		r = gnutls_x509_privkey_get_key_id(key, 0, of_key, &of_key_size);
	if (r < 0)
		return gnutls_err(err, ERR_CORRUPT, r, path);
	if (of_key_size != of_crt_size || memcmp(of_key, of_crt, of_key_size) != 0)
		return err_set(err, ERR_CORRUPT, "%s is not the certificate of ca.key beside it", path);
	if (gnutls_x509_crt_get_ca_status(ca->crt, NULL) <= 0)
		return err_set(err, ERR_CORRUPT, "%s is not the certificate of an authority", path);
	return cert_fingerprint(ca->pem, &ca->fingerprint, err);
}

int ca_open(const char *dir, struct ca **ret_ca, struct err *err)
{
	_cleanup_free_ char *key_path = xasprintf("%s/ca.key", dir), *pem_path = xasprintf("%s/ca.pem", dir);
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	_cleanup_(ca_free_p) struct ca *ca = new0(struct ca, 1);
	int r = mkdir_p(dir, 0700);

	pthread_mutex_init(&ca->lock, NULL);
	if (r < 0)
		return err_set_errno(err, r, "cannot make %s", dir);
	r = load_text(pem_path, &ca->pem, err);
	if (r >= 0)
		r = ca_get_key(key_path, !ca->pem, &key, err);
	if (r < 0)
		return r;
	r = gnutls_privkey_init(&ca->key);
	if (r >= 0)
		r = gnutls_privkey_import_x509(ca->key, key, GNUTLS_PRIVKEY_IMPORT_COPY);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot use the authority's key");
	/* A crash between the two files left a key alone: it gets its certificate now. */
	if (!ca->pem) {
		r = ca_self_sign(key, ca->key, &ca->pem, err);
		if (r >= 0 && ca->pem)
			r = save_text(pem_path, ca->pem, 0644, err);
		if (r < 0)
			return r;
	}
	r = ca_import(ca, pem_path, key, err);
	if (r < 0)
		return r;
	*ret_ca = TAKE_PTR(ca);
	return 0;
}

/* ---- issuing ---- */

static int issue_server(struct ca *ca, gnutls_x509_privkey_t key, const char *common_name, const char *const *names,
			char **ret_cert_pem, struct err *err)
{
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	int r = gnutls_x509_crt_init(&crt);

	if (r >= 0)
		r = gnutls_x509_crt_set_key(crt, key);
	if (r < 0)
		return gnutls_err(err, ERR_INTERNAL, r, "cannot make a server certificate");
	r = crt_set_name(crt, common_name, err);
	if (r >= 0)
		r = crt_add_alt_names(crt, names, err);
	return r < 0 ? r : crt_finish(ca, crt, SERVER_LIFE_S, false, ret_cert_pem, err);
}

int ca_issue_server(struct ca *ca, const char *common_name, const char *const *names, char **ret_cert_pem,
		    char **ret_key_pem, struct err *err)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	_cleanup_free_ char *cert_pem = NULL;
	int r = p256_key_new(&key, err);

	if (r >= 0)
		r = issue_server(ca, key, common_name, names, &cert_pem, err);
	if (r >= 0)
		r = key_export_pem(key, ret_key_pem, err);
	if (r < 0)
		return r;
	*ret_cert_pem = TAKE_PTR(cert_pem);
	return 0;
}

int ca_reissue_server(struct ca *ca, const char *common_name, const char *const *names, const char *key_pem,
		      char **ret_cert_pem, struct err *err)
{
	_cleanup_(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	gnutls_datum_t pem;
	int r = pem_borrow(key_pem, &pem, err);

	if (r < 0)
		return r;
	r = gnutls_x509_privkey_init(&key);
	if (r >= 0)
		r = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot use the server's key");
	return issue_server(ca, key, common_name, names, ret_cert_pem, err);
}

/* The request's key, after the proof that the sender has the private half. */
static int request_import(const char *csr_pem, gnutls_x509_crq_t *ret, struct err *err)
{
	_cleanup_(gnutls_x509_crq_deinit_p) gnutls_x509_crq_t crq = NULL;
	gnutls_datum_t pem;
	unsigned bits = 0;
	int r = pem_borrow(csr_pem, &pem, err), algorithm;

	if (r < 0)
		return r;
	r = gnutls_x509_crq_init(&crq);
	if (r >= 0)
		r = gnutls_x509_crq_import(crq, &pem, GNUTLS_X509_FMT_PEM);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot read the certificate request");
	r = gnutls_x509_crq_verify(crq, 0);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "the certificate request is not signed by its own key");
	algorithm = gnutls_x509_crq_get_pk_algorithm(crq, &bits);
	if (algorithm < 0 ||
	    gnutls_pk_bits_to_sec_param((gnutls_pk_algorithm_t)algorithm, bits) < GNUTLS_SEC_PARAM_MEDIUM)
		return err_set(err, ERR_INVALID, "the key in the certificate request is too weak (%u bits)", bits);
	*ret = TAKE_PTR(crq);
	return 0;
}

int ca_sign_request(struct ca *ca, const char *csr_pem, const char *common_name, const char *const *addresses,
		    char **ret_cert_pem, struct err *err)
{
	_cleanup_(gnutls_x509_crq_deinit_p) gnutls_x509_crq_t crq = NULL;
	_cleanup_(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	_cleanup_(gnutls_pubkey_deinit_p) gnutls_pubkey_t public = NULL;
	int r = request_import(csr_pem, &crq, err);

	if (r < 0)
		return r;
	r = gnutls_pubkey_init(&public);
	if (r >= 0)
		r = gnutls_pubkey_import_x509_crq(public, crq, 0);
	if (r >= 0)
		r = gnutls_x509_crt_init(&crt);
	if (r >= 0)
		r = gnutls_x509_crt_set_pubkey(crt, public);
	if (r < 0)
		return gnutls_err(err, ERR_INVALID, r, "cannot use the key of the certificate request");
	r = crt_set_name(crt, common_name, err);
	if (r >= 0)
		r = crt_add_alt_names(crt, addresses, err);
	return r < 0 ? r : crt_finish(ca, crt, NODE_LIFE_S, true, ret_cert_pem, err);
}
