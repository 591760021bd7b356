/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/certificate.h"

#include <errno.h>

#define PEM_FILE_MAX_BYTES 65536
/* Long before its end, so that a provisioner which is seldom on has a good one, too. */
#define SPARE_S (60 * INT64_C(86400))

void certificate_done(struct certificate *certificate)
{
	if (certificate->key_pem)
		wipe(certificate->key_pem, strlen(certificate->key_pem));
	free(certificate->key_pem);
	free(certificate->chain_pem);
	*certificate = (struct certificate){ 0 };
}

/* What cannot be read is not there, and made anew. */
static void load(const char *cert_path, const char *key_path, struct certificate *ret)
{
	*ret = (struct certificate){ 0 };
	if (read_file(cert_path, PEM_FILE_MAX_BYTES, &ret->chain_pem, NULL) < 0 ||
	    read_file(key_path, PEM_FILE_MAX_BYTES, &ret->key_pem, NULL) < 0)
		certificate_done(ret);
}

static int save(const char *path, const char *text, unsigned mode, struct err *err)
{
	int r = write_file_atomic(path, text, strlen(text), mode);

	return r < 0 ? err_set_errno(err, r, "writing %s", path) : 0;
}

/* With another name the key stays, so that who knows the server by its key goes on knowing it; with another life it does not. */
static int issue(struct ca *ca, const char *const *names, const struct certificate *before, struct certificate *ret,
		 struct err *err)
{
	static const char *const any[] = { NULL };
	_cleanup_free_ char *cert_pem = NULL;
	int r;

	if (before->chain_pem && cert_good_for(before->chain_pem, before->key_pem, ca_pem(ca), any, SPARE_S)) {
		ret->key_pem = xstrdup(before->key_pem);
		r = ca_reissue_server(ca, CERT_PROVISIONER, names, ret->key_pem, &cert_pem, err);
	} else {
		r = ca_issue_server(ca, CERT_PROVISIONER, names, &cert_pem, &ret->key_pem, err);
	}
	/* The authority comes along, for those who want to look at it, or to import it, where they are connected. */
	if (r == 0)
		ret->chain_pem = xasprintf("%s%s", cert_pem, ca_pem(ca));
	return r;
}

int certificate_get(const char *state_dir, struct ca *ca, const char *const *names, struct certificate *certificate,
		    bool *ret_fresh, struct err *err)
{
	_cleanup_free_ char *cert_path = xasprintf("%s/" CERTIFICATE_FILE, state_dir);
	_cleanup_free_ char *key_path = xasprintf("%s/" CERTIFICATE_KEY_FILE, state_dir);
	_cleanup_(certificate_done) struct certificate found = { 0 };
	int r = 0;

	if (certificate->chain_pem &&
	    cert_good_for(certificate->chain_pem, certificate->key_pem, ca_pem(ca), names, SPARE_S)) {
		*ret_fresh = false;
		return 0;
	}
	load(cert_path, key_path, &found);
	if (!found.chain_pem || !cert_good_for(found.chain_pem, found.key_pem, ca_pem(ca), names, SPARE_S)) {
		_cleanup_(certificate_done) struct certificate before = found;

		found = (struct certificate){ 0 };
		r = issue(ca, names, &before, &found, err);
		/* A crash between the two leaves a pair that does not match, and is made anew. */
		if (r == 0)
			r = save(key_path, found.key_pem, 0600, err);
		if (r == 0)
			r = save(cert_path, found.chain_pem, 0644, err);
	}
	if (r < 0)
		return r;
	certificate_done(certificate);
	*certificate = found;
	found = (struct certificate){ 0 };
	*ret_fresh = true;
	return 0;
}
