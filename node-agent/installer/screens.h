/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The screens of the attended installer as a table, and the way through them. Pure: what draws them is tui.c. */
#ifndef INGOT_INSTALLER_SCREENS_H
#define INGOT_INSTALLER_SCREENS_H

#include "installer/machine.h"

enum screen_id {
	SCREEN_LANGUAGE,
	SCREEN_ROLE,
	SCREEN_DISK,
	SCREEN_STATE,
	SCREEN_ERASE,
	SCREEN_DISKS,
	SCREEN_PORT,
	SCREEN_BOND,
	SCREEN_ADDRESS,
	SCREEN_STATIC,
	SCREEN_JOIN,
	SCREEN_PROV_PORT,
	SCREEN_PROV,
	SCREEN_HOST,
	SCREEN_PASSWORD,
	SCREEN_TIME,
	SCREEN_SUMMARY,
	SCREEN_COUNT,
};

/* What is known while screens are shown. */
struct screens {
	struct answers answers; /* kept whatever way one goes, and whatever does not count at the moment with them */
	struct answers agreed;	/* what counts of them, as it was last judged: for the job */
	char *password_again;	/* the second time it was typed; wiped */
	struct machine machine;
	char *ca_pem; /* of the provisioner to join, once it was asked */
};
void screens_done(struct screens *screens);

enum row_kind {
	ROW_TEXT,
	ROW_SECRET,
	ROW_CHOICE, /* one of a list */
	ROW_MARKS,  /* any number of a list, at least one */
};
struct row {
	enum row_kind kind;
	enum answer answer; /* ANSWER_COUNT: the password again */
};
#define ROWS_MAX 6
struct screen {
	const char *title, *text; /* to be translated */
	struct row rows[ROWS_MAX];
	unsigned row_count;
	/* Whether it has anything to ask; NULL: always. */
	bool (*applies)(const struct screens *screens);
};
const struct screen *screen_get(enum screen_id id);

/* The next or the last before that applies; id itself if there is none. */
enum screen_id screen_next(const struct screens *screens, enum screen_id id);
enum screen_id screen_back(const struct screens *screens, enum screen_id id);

/* What a list offers: value and what is shown. */
struct option {
	char *value, *label;
	bool chosen;
};
struct options {
	struct option *list;
	unsigned count;
};
void screen_options(const struct screens *screens, const struct row *row, struct options *ret);
void options_done(struct options *options);

/* What a row has now; borrowed; never NULL. */
const char *row_value(const struct screens *screens, const struct row *row);
/* Takes what was entered. A row of marks: words with a space between. Another disk takes back what was allowed of the one before;
 * all other answers stay. */
void row_set(struct screens *screens, const struct row *row, const char *value);
/* A copy of the answers without those of screens that do not apply: of another role, of a fixed address under DHCP, of a bond of
 * one. The role is that of the host where its state is kept. The caller ends it with answers_done(). */
void screens_agreed(const struct screens *screens, struct answers *ret);
/* NULL if what this screen asks is answered rightly, or what is wrong; the caller frees. */
char *screen_problem(const struct screens *screens, enum screen_id id);
/* The screen that asks it; SCREEN_SUMMARY if none does. */
enum screen_id screen_of(enum answer answer);
/* What a person reads for a value, not translated; the value itself where there are no words for it. */
const char *screen_word(enum answer answer, const char *value);
/* A disk in one line: "/dev/sda, MODEL, 480 GiB, serial X, holding ext4"; the caller frees. */
char *screen_disk_line(const struct screens *screens, unsigned i);
/* What will be lost, in lines: "ERASES /dev/sda, ...", and the disks that are given to the pool; the caller frees. */
char *screen_losses(const struct screens *screens);
/* What will be done besides, in lines; the caller frees. */
char *screen_summary(const struct screens *screens);

#endif
