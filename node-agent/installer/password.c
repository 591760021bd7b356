/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How hard a password is to guess, by what those who guess try first. No library: zxcvbn's dictionary alone is 1.4 MB in an image
 * that lives in memory, and libpwquality wants cracklib's, which is a file. */
#include <ctype.h>

#include "installer/answers.h"

/* Choosing one of these, and how it is written ("P4ssw0rd"), is worth no more. */
#define WORD_BITS 8
#define YEAR_BITS 7
#define REPEAT_BITS 4
#define REPEAT_MIN 3
#define LENGTH_MAX 256

/* What is tried first on a server, and the most frequent of all lists. None within another but behind it. */
static const char *const words[] = {
	"administrator", "administrateur", "admin",    "password",  "passwort", "passw",    "pass",   "letmein",
	"welcome",	 "provisioner",	   "ingot",    "changeme",  "change",	"secret",   "login",  "master",
	"qwertyuiop",	 "qwerty",	   "qwertz",   "asdfghjkl", "asdf",	"zxcvbnm",  "zxcv",   "azerty",
	"iloveyou",	 "sunshine",	   "princess", "football",  "baseball", "dragon",   "monkey", "shadow",
	"superman",	 "batman",	   "trustno",  "default",   "server",	"cluster",  "system", "manager",
	"operator",	 "supervisor",	   "support",  "oracle",    "linux",	"debian",   "calvin", "root",
	"toor",		 "guest",	   "user",     "test",	    "demo",	"hello",    "love",   "summer",
	"winter",	 "spring",	   "autumn",   "company",   "computer", "internet", "abcd",   "rack",
};

/* In lower case, and what is written for a letter as that letter. */
static char plain(char c)
{
	static const char written[] = "0134578@$!|", meant[] = "oieastbasil";
	const char *at = c ? strchr(written, c) : NULL;

	return at ? meant[at - written] : (char)tolower((unsigned char)c);
}

static size_t starts_with_word(const char *text, const char *word)
{
	size_t len = 0;

	while (word[len] && plain(text[len]) == plain(word[len]))
		len++;
	return word[len] ? 0 : len;
}

static size_t word_at(const char *text, const char *host_name)
{
	size_t longest = host_name && strlen(host_name) >= REPEAT_MIN ? starts_with_word(text, host_name) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		longest = MAX_OF(longest, starts_with_word(text, words[i]));
	return longest;
}

static bool is_year(const char *text)
{
	return (text[0] == '1' || text[0] == '2') && (text[1] == '9' || text[1] == '0') &&
	       isdigit((unsigned char)text[2]) && isdigit((unsigned char)text[3]);
}

/* How much from here on has come before; 0 if that is too little to be a repeat. */
static size_t repeat_at(const char *text, size_t at)
{
	size_t longest = 0;

	for (size_t from = 0; from < at; from++) {
		size_t len = 0;

		while (from + len < at && text[at + len] && plain(text[from + len]) == plain(text[at + len]))
			len++;
		longest = MAX_OF(longest, len);
	}
	return longest >= REPEAT_MIN ? longest : 0;
}

/* Of one character, in bits, that nobody can foresee. */
static unsigned alphabet_bits(const char *password)
{
	unsigned lower = 0, upper = 0, digit = 0, other = 0, alphabet, bits = 0;

	for (const char *p = password; *p; p++) {
		unsigned char c = (unsigned char)*p;

		*(islower(c) ? &lower : isupper(c) ? &upper : isdigit(c) ? &digit : &other) = 1;
	}
	alphabet = lower * 26 + upper * 26 + digit * 10 + other * 33;
	while (alphabet > 1U << (bits + 1))
		bits++;
	return bits;
}

unsigned password_bits(const char *password, const char *host_name)
{
	unsigned each = alphabet_bits(password), bits = 0;
	size_t len = strnlen(password, LENGTH_MAX), step;

	for (size_t i = 0; i < len; i += step) {
		const char *at = password + i;
		size_t word = word_at(at, host_name), repeat = repeat_at(password, i);

		step = MAX_OF(MAX_OF(word, repeat), (size_t)1);
		if (repeat && repeat >= word) {
			bits += REPEAT_BITS;
		} else if (word) {
			bits += WORD_BITS;
		} else if (is_year(at)) {
			bits += YEAR_BITS;
			step = 4;
		} else if ((i >= 1 && abs((int)(unsigned char)*at - (unsigned char)at[-1]) <= 1) ||
			   (i >= 2 && *at == at[-2])) {
			/* The next of a run ("1234", "aaaa") or of a pair that came before ("abab"). */
			bits += 1;
		} else {
			bits += each;
		}
	}
	return bits;
}

const char *password_word(unsigned bits)
{
	return bits < PASSWORD_MIN_BITS ? "too weak" : bits < 55 ? "fair" : bits < 75 ? "good" : "strong";
}
