/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/crypto.h"

/* FIPS 180-2 appendix B. */
static void test_sha256_known(void **state)
{
	_cleanup_free_ char *abc = sha256_hex("abc", 3);
	_cleanup_free_ char *empty = sha256_hex("", 0);

	assert_string_equal(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231 section 4.3. */
static void test_hmac_known(void **state)
{
	static const char data[] = "what do ya want for nothing?";
	_cleanup_free_ char *hex = hmac_sha256_hex("Jefe", 4, data, strlen(data));

	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_sha256_in_pieces(void **state)
{
	uint8_t whole[SHA256_SIZE], pieces[SHA256_SIZE];
	char data[1000];
	struct sha256 *h = sha256_new();

	memset(data, 'x', sizeof(data));
	sha256_of(data, sizeof(data), whole);
	for (size_t at = 0; at < sizeof(data);) {
		size_t n = MIN_OF(at % 97 + 1, sizeof(data) - at);

		sha256_update(h, data + at, n);
		at += n;
	}
	sha256_final(h, pieces);
	assert_memory_equal(whole, pieces, SHA256_SIZE);
	assert_null(sha256_free(NULL));
	assert_null(sha256_free(sha256_new()));
}

static void test_sha256_of_a_file(void **state)
{
	uint8_t whole[SHA256_SIZE], found[SHA256_SIZE];
	_cleanup_free_ char *data = xmalloc(MIB + 5);
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);

	random_bytes(data, MIB + 5);
	assert_int_equal(write(fd, data, MIB + 5), MIB + 5);
	sha256_of(data, MIB + 5, whole);
	/* The descriptor is at its end, and stays there. */
	assert_int_equal(sha256_of_file(fd, found), 0);
	assert_memory_equal(found, whole, SHA256_SIZE);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), MIB + 5);
	assert_int_equal(sha256_of_file(-1, found), -EBADF);
}

static void test_token(void **state)
{
	_cleanup_free_ char *one = token_new("agent"), *two = token_new("agent");

	assert_true(str_starts(one, "agent_"));
	assert_int_equal(strlen(one), strlen("agent_") + 43);
	assert_int_equal(strspn(one, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), strlen(one));
	assert_string_not_equal(one, two);
}

static void test_ed25519_round(void **state)
{
	_cleanup_free_ char *private = NULL, *public = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	uint8_t signature[ED25519_SIGNATURE_SIZE], again[ED25519_SIGNATURE_SIZE];

	assert_int_equal(ed25519_keygen(&private, &public, &err), 0);
	assert_non_null(strstr(private, "BEGIN PRIVATE KEY"));
	assert_non_null(strstr(public, "BEGIN PUBLIC KEY"));
	assert_int_equal(ed25519_sign(private, "manifest", 8, signature, &err), 0);
	assert_int_equal(ed25519_sign(private, "manifest", 8, again, &err), 0);
	assert_memory_equal(signature, again, sizeof(signature)); /* deterministic: RFC 8032 section 5.1.6 */
	assert_int_equal(ed25519_verify(public, "manifest", 8, signature, sizeof(signature), &err), 0);
	assert_int_equal(err.code, ERR_NONE);
}

static void test_ed25519_refuses(void **state)
{
	_cleanup_free_ char *private = NULL, *public = NULL, *other_private = NULL, *other = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	uint8_t signature[ED25519_SIGNATURE_SIZE];

	assert_int_equal(ed25519_keygen(&private, &public, &err), 0);
	assert_int_equal(ed25519_keygen(&other_private, &other, &err), 0);
	assert_int_equal(ed25519_sign(private, "manifest", 8, signature, &err), 0);

	assert_true(ed25519_verify(public, "manifesT", 8, signature, sizeof(signature), &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	err_done(&err);
	assert_true(ed25519_verify(other, "manifest", 8, signature, sizeof(signature), &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	err_done(&err);
	assert_true(ed25519_verify(public, "manifest", 8, signature, sizeof(signature) - 1, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	err_done(&err);
	signature[63] ^= 1;
	assert_true(ed25519_verify(public, "manifest", 8, signature, sizeof(signature), &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	err_done(&err);
	assert_true(ed25519_verify("not a key", "manifest", 8, signature, sizeof(signature), &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	assert_true(ed25519_sign(public, "manifest", 8, signature, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	assert_true(ed25519_sign("", "manifest", 8, signature, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
}

/* RFC 8032 section 7.1, test 2, with the key in its PKCS #8 frame (RFC 8410 section 7). */
static void test_ed25519_known(void **state)
{
	static const char private[] = "-----BEGIN PRIVATE KEY-----\n"
				      "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
				      "-----END PRIVATE KEY-----\n";
	_cleanup_err_ struct err err = ERR_INIT;
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	_cleanup_free_ char *hex = NULL;

	assert_int_equal(ed25519_sign(private, "\x72", 1, signature, &err), 0);
	hex = hex_encode(signature, sizeof(signature));
	assert_string_equal(hex, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
				 "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_known),
		cmocka_unit_test(test_hmac_known),
		cmocka_unit_test(test_sha256_in_pieces),
		cmocka_unit_test(test_sha256_of_a_file),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_ed25519_round),
		cmocka_unit_test(test_ed25519_refuses),
		cmocka_unit_test(test_ed25519_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
