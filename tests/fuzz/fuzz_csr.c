/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A certificate request: what is signed says our name and not the one that was asked for. The first byte says whether the
 * rest is PEM already. */
#include <assert.h>
#include <stdio.h>

#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct ca *ca;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const names[] = { "ca.key", "ca.pem", "" };
	_cleanup_err_ struct err err = ERR_INIT;
	char dir[] = "/tmp/ingot-fuzz-XXXXXX";

	if (!mkdtemp(dir) || ca_open(dir, &ca, &err) < 0)
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) { /* it is in memory now */
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, names[i]);

		remove(path);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const addresses[] = { "10.0.0.1", NULL };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL, *cert = NULL, *of_request = NULL, *of_cert = NULL;

	if (size < 1)
		return 0;
	if (data[0] & 1) {
		_cleanup_free_ char *base64 = base64_encode(data + 1, size - 1);

		text = xasprintf("-----BEGIN NEW CERTIFICATE REQUEST-----\n%s\n-----END NEW CERTIFICATE REQUEST-----\n",
				 base64);
	} else {
		text = xstrndup((const char *)data + 1, size - 1);
	}
	if (ca_sign_request(ca, text, "node-1", addresses, &cert, &err) < 0) {
		assert(err.code == ERR_INVALID && err.text && !cert);
		return 0;
	}
	assert(csr_key_fingerprint(text, &of_request, &err) == 0 && csr_key_fingerprint(cert, &of_cert, &err) == 0);
	assert(str_equal(of_request, of_cert));
	return 0;
}
