/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the installer has to know, as text: one table of questions for the answer file (docs/answers.md) and for the screens,
 * and one judgement of what was answered. No thread of its own, no state, no input or output but answers_read(). */
#ifndef INGOT_INSTALLER_ANSWERS_H
#define INGOT_INSTALLER_ANSWERS_H

#include "base/err.h"

enum answer {
	ANSWER_ROLE,
	ANSWER_LANGUAGE,
	ANSWER_FINISH,
	ANSWER_CONSOLE,
	ANSWER_DISK_SERIAL,
	ANSWER_DISK_WWN,
	ANSWER_DISK_ERASE,
	ANSWER_DISK_STATE,
	ANSWER_NET_MAC,
	ANSWER_NET_BOND_MEMBERS,
	ANSWER_NET_BOND_MODE,
	ANSWER_NET_VLAN,
	ANSWER_NET_MODE,
	ANSWER_NET_ADDRESS,
	ANSWER_NET_GATEWAY,
	ANSWER_NET_DNS,
	ANSWER_PROV_MAC,
	ANSWER_PROV_VLAN,
	ANSWER_PROV_ADDRESS,
	ANSWER_PROV_DHCP,
	ANSWER_PROV_DHCP_FIRST,
	ANSWER_PROV_DHCP_LAST,
	ANSWER_PROV_GATEWAY,
	ANSWER_HOST_NAME,
	ANSWER_ADMIN_PASSWORD,
	ANSWER_ADMIN_HASH,
	ANSWER_TIME_ZONE,
	ANSWER_TIME_NTP,
	ANSWER_NODE_DISKS,
	ANSWER_JOIN_TOKEN,
	ANSWER_JOIN_ADDRESS,
	ANSWER_COUNT,
};

struct answers {
	char *value[ANSWER_COUNT]; /* NULL: not answered, or the default; a list is words with a space between two */
	struct {
		unsigned line, column; /* from 1; 0: does not come from a file */
	} mark[ANSWER_COUNT];
	char *file; /* for messages; NULL: does not come from a file */
};
void answers_done(struct answers *answers); /* passwords and tokens are wiped */
#define _cleanup_answers_ _cleanup_(answers_done)

/* One question, for whoever asks it. */
struct question {
	const char *path;    /* in the answer file: "network.address"; at most two dots */
	const char *label;   /* for a screen */
	const char *initial; /* what counts if there is no answer; NULL: none */
	bool list, secret;
	const char *const *words; /* the only answers there are, NULL at the end; NULL: see help */
	const char *help;	  /* one line: what a right answer is */
};
const struct question *answers_question(enum answer answer);
/* -ENOENT if there is no such path. */
int answers_find(const char *path, enum answer *ret);
/* The answer, or its default, or NULL. */
const char *answers_get(const struct answers *answers, enum answer answer);
/* NULL and "" take it back. A value that was secret is wiped. */
void answers_set(struct answers *answers, enum answer answer, const char *value);
bool answers_is(const struct answers *answers, enum answer answer, const char *value);
/* The host becomes a provisioner (alone or as well); it becomes a node; it becomes one of another provisioner. */
bool answers_has_provisioner(const struct answers *answers);
bool answers_has_node(const struct answers *answers);
bool answers_joins(const struct answers *answers);
/* What the host on the disk knows stays. */
bool answers_keep(const struct answers *answers);
/* Whether an answer is asked for and looked at: where the state is kept, name, network, password and the rest are those of the
 * host on the disk. */
bool answers_counts(const struct answers *answers, enum answer answer);
/* Whether the provisioning network is on the interface of network.mac, untagged or with the same tag. */
bool answers_one_network(const struct answers *answers);

/* What is wrong, in the order of the questions; texts name the field and what would be right. */
#define PROBLEMS_MAX 64
struct problems { /* at most one an answer */
	struct {
		enum answer answer;
		char *text;
	} list[PROBLEMS_MAX];
	unsigned count;
};
/* Only the first an answer is kept. */
void problem_add(struct problems *problems, enum answer answer, const char *fmt, ...) PRINTF_LIKE(3, 4);
void problems_done(struct problems *problems);
#define _cleanup_problems_ _cleanup_(problems_done)
/* Judges all that was answered and what is missing. True if nothing is wrong. */
bool answers_check(const struct answers *answers, struct problems *ret);
/* "FILE:LINE:COLUMN: PATH: TEXT", without what is not known; the caller frees. */
char *answers_problem_line(const struct answers *answers, const struct problems *problems, unsigned i);

/* Reads an answer file: YAML 1.1, one document of mappings, scalars and lists of scalars; no anchors, aliases or tags, no key
 * twice, none that is not in the table. What is said is not judged yet. ERR_INVALID: "NAME:LINE:COLUMN: ..."; err->field is
 * the path where there is one. */
#define ANSWERS_MAX_BYTES ((size_t)(64 * KIB))
int answers_parse(const char *text, size_t len, const char *name, struct answers *ret, struct err *err);
/* The same from a file. */
int answers_read(const char *path, struct answers *ret, struct err *err);

/* How hard a password is to guess, in bits, by its length and kinds of characters; repeats, runs, years, the host's name (NULL: not
 * known) and words that everybody tries count little, however they are written. See password_word for what that is called. Below
 * PASSWORD_MIN_BITS or PASSWORD_MIN_LENGTH it is refused. */
#define PASSWORD_MIN_BITS 40
#define PASSWORD_MIN_LENGTH 10
unsigned password_bits(const char *password, const char *host_name);
const char *password_word(unsigned bits); /* "too weak", "fair", "good", "strong" */

/* Names of the time zone database (IANA, Debian 12's tzdata). */
bool zone_known(const char *name);

#endif
