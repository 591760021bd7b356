/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/screens.h"

#include <stdio.h>

#include "installer/words.h"
#include "schema/schema.h"

/* ---- the table ---- */

static const struct disk_content *chosen_content(const struct screens *screens)
{
	int i = machine_find_disk(&screens->machine, &screens->answers);

	return i < 0 ? NULL : &screens->machine.contents[i];
}

static bool has_host(const struct screens *screens)
{
	const struct disk_content *content = chosen_content(screens);

	return content && content->host;
}

static bool is_bond(const struct screens *screens)
{
	return answers_get(&screens->answers, ANSWER_NET_BOND_MEMBERS) != NULL;
}

static bool is_static(const struct screens *screens)
{
	return answers_is(&screens->answers, ANSWER_NET_MODE, "static");
}

static bool joins(const struct screens *screens)
{
	return answers_joins(&screens->answers);
}

static bool has_node(const struct screens *screens)
{
	return answers_has_node(&screens->answers);
}

static bool has_provisioner(const struct screens *screens)
{
	return answers_has_provisioner(&screens->answers);
}

#define ROWS(...) .rows = { __VA_ARGS__ }, .row_count = sizeof((struct row[]){ __VA_ARGS__ }) / sizeof(struct row)
#define TEXT(answer)                                                                                                   \
	{                                                                                                              \
		ROW_TEXT, answer                                                                                       \
	}
#define CHOICE(answer)                                                                                                 \
	{                                                                                                              \
		ROW_CHOICE, answer                                                                                     \
	}
static const struct screen screens_table[SCREEN_COUNT] = {
	[SCREEN_LANGUAGE] = { "Language", "Choose the language of the installer's screens.",
			      ROWS(CHOICE(ANSWER_LANGUAGE)) },
	[SCREEN_ROLE] = { "Role", "What is this machine to become?", ROWS(CHOICE(ANSWER_ROLE)) },
	[SCREEN_DISK] = { "Disk", "Where is the system to go? Disks that are in use or in a pool are refused.",
			  ROWS(CHOICE(ANSWER_DISK_SERIAL)) },
	[SCREEN_STATE] = { "An Ingot host is on this disk",
			   "Its state (role, name, network, users, database) can be kept; the system is written anew either way.",
			   ROWS(CHOICE(ANSWER_DISK_STATE)), .applies = has_host },
	[SCREEN_ERASE] = { "Erase the disk",
			   "To allow the disk to be written, type its serial number as it is shown here:",
			   ROWS(TEXT(ANSWER_DISK_ERASE)) },
	[SCREEN_DISKS] = { "Data disks", "What is to become of the other disks of this machine?",
			   ROWS(CHOICE(ANSWER_NODE_DISKS)), .applies = has_node },
	[SCREEN_PORT] = { "Network", "Choose the interface; several of them become a bond. Space marks.",
			  ROWS({ ROW_MARKS, ANSWER_NET_MAC }) },
	[SCREEN_BOND] = { "Bond", "How are the interfaces bonded?", ROWS(CHOICE(ANSWER_NET_BOND_MODE)),
			  .applies = is_bond },
	[SCREEN_ADDRESS] = { "Address", "Where does its address come from?",
			     ROWS(CHOICE(ANSWER_NET_MODE), TEXT(ANSWER_NET_VLAN)) },
	[SCREEN_STATIC] = { "Static address", "Name servers: addresses with a space between two.",
			    ROWS(TEXT(ANSWER_NET_ADDRESS), TEXT(ANSWER_NET_GATEWAY), TEXT(ANSWER_NET_DNS)),
			    .applies = is_static },
	[SCREEN_JOIN] = { "Join",
			  "The token that \"ingot join-token create\" printed on the provisioner; its address only if it is "
			  "reached from here by another one than the token says.",
			  ROWS(TEXT(ANSWER_JOIN_TOKEN), TEXT(ANSWER_JOIN_ADDRESS)), .applies = joins },
	[SCREEN_PROV_PORT] = { "Provisioning network",
			       "Through which interface are other machines found and installed?",
			       ROWS(CHOICE(ANSWER_PROV_MAC), TEXT(ANSWER_PROV_VLAN), CHOICE(ANSWER_PROV_DHCP)),
			       .applies = has_provisioner },
	[SCREEN_PROV] = { "Provisioning network", "The provisioner serves DHCP there. Nobody else may.",
			  ROWS(TEXT(ANSWER_PROV_ADDRESS), TEXT(ANSWER_PROV_DHCP_FIRST), TEXT(ANSWER_PROV_DHCP_LAST),
			       TEXT(ANSWER_PROV_GATEWAY)),
			  .applies = has_provisioner },
	[SCREEN_HOST] = { "Host name", "The name of this machine: a-z, 0-9 and '-'.", ROWS(TEXT(ANSWER_HOST_NAME)) },
	[SCREEN_PASSWORD] = { "Administrator", "The password of \"admin\" in the dashboard and of root on the console.",
			      ROWS({ ROW_SECRET, ANSWER_ADMIN_PASSWORD }, { ROW_SECRET, ANSWER_COUNT }),
			      .applies = has_provisioner },
	[SCREEN_TIME] = { "Time",
			  "Time zone, such as Asia/Seoul; time servers with a space between two. Without any nobody sets the clock.",
			  ROWS(TEXT(ANSWER_TIME_ZONE), TEXT(ANSWER_TIME_NTP)) },
	[SCREEN_SUMMARY] = { "Summary", "This will be done. Nothing has been written so far." },
};

const struct screen *screen_get(enum screen_id id)
{
	return &screens_table[id];
}

static bool applies(const struct screens *screens, enum screen_id id)
{
	const struct screen *screen = &screens_table[id];

	/* Where the state is kept nothing of it is asked. */
	if (screen->row_count && !answers_counts(&screens->answers, screen->rows[0].answer))
		return false;
	return !screen->applies || screen->applies(screens);
}

enum screen_id screen_next(const struct screens *screens, enum screen_id id)
{
	for (unsigned next = id + 1; next < SCREEN_COUNT; next++) {
		if (applies(screens, (enum screen_id)next))
			return (enum screen_id)next;
	}
	return id;
}

enum screen_id screen_back(const struct screens *screens, enum screen_id id)
{
	for (unsigned before = id; before-- > 0;) {
		if (applies(screens, (enum screen_id)before))
			return (enum screen_id)before;
	}
	return id;
}

void screens_done(struct screens *screens)
{
	answers_done(&screens->answers);
	answers_done(&screens->agreed);
	machine_done(&screens->machine);
	if (screens->password_again)
		wipe(screens->password_again, strlen(screens->password_again));
	free(screens->password_again);
	free(screens->ca_pem);
	*screens = (struct screens){ 0 };
}

/* ---- rows ---- */

const char *row_value(const struct screens *screens, const struct row *row)
{
	const struct answers *answers = &screens->answers;

	if (row->answer == ANSWER_COUNT)
		return str_or(screens->password_again, "");
	if (row->kind == ROW_MARKS)
		return str_or(answers_get(answers, ANSWER_NET_BOND_MEMBERS),
			      str_or(answers_get(answers, ANSWER_NET_MAC), ""));
	if (row->answer == ANSWER_DISK_SERIAL)
		return str_or(answers_get(answers, ANSWER_DISK_SERIAL),
			      str_or(answers_get(answers, ANSWER_DISK_WWN), ""));
	return str_or(answers_get(answers, row->answer), "");
}

/* A disk without a serial number is named by its WWN. */
static void set_disk(struct screens *screens, const char *name)
{
	enum answer field = ANSWER_DISK_WWN;

	if (!str_equal(name, row_value(screens, &screens_table[SCREEN_DISK].rows[0]))) {
		answers_set(&screens->answers, ANSWER_DISK_ERASE, NULL);
		answers_set(&screens->answers, ANSWER_DISK_STATE, NULL);
	}
	for (unsigned i = 0; i < screens->machine.disks.count; i++) {
		if (str_equal(screens->machine.disks.disks[i].serial, name))
			field = ANSWER_DISK_SERIAL;
	}
	answers_set(&screens->answers, ANSWER_DISK_SERIAL, field == ANSWER_DISK_SERIAL ? name : NULL);
	answers_set(&screens->answers, ANSWER_DISK_WWN, field == ANSWER_DISK_WWN ? name : NULL);
}

static void set_ports(struct screens *screens, const char *macs)
{
	bool several = strchr(macs, ' ') != NULL;

	answers_set(&screens->answers, ANSWER_NET_MAC, several ? NULL : macs);
	answers_set(&screens->answers, ANSWER_NET_BOND_MEMBERS, several ? macs : NULL);
}

void row_set(struct screens *screens, const struct row *row, const char *value)
{
	if (row->answer == ANSWER_COUNT) {
		if (screens->password_again)
			wipe(screens->password_again, strlen(screens->password_again));
		str_set(&screens->password_again, value);
	} else if (row->kind == ROW_MARKS) {
		set_ports(screens, value);
	} else if (row->answer == ANSWER_DISK_SERIAL) {
		set_disk(screens, value);
	} else {
		answers_set(&screens->answers, row->answer, value);
	}
}

void screens_agreed(const struct screens *screens, struct answers *ret)
{
	const struct disk_content *content = chosen_content(screens);

	*ret = (struct answers){ 0 };
	for (unsigned i = 0; i < ANSWER_COUNT; i++)
		answers_set(ret, (enum answer)i, screens->answers.value[i]);
	for (unsigned id = 0; id < SCREEN_COUNT; id++) {
		const struct screen *screen = &screens_table[id];

		/* A host that was to be kept, and is not there any more, is a thing to be said and not to be passed over. */
		if (id == SCREEN_STATE || applies(screens, (enum screen_id)id))
			continue;
		for (unsigned i = 0; i < screen->row_count; i++) {
			if (screen->rows[i].answer != ANSWER_COUNT)
				answers_set(ret, screen->rows[i].answer, NULL);
		}
	}
	/* The role of a host that is kept is kept with it. */
	if (answers_keep(ret) && content && content->role)
		answers_set(ret, ANSWER_ROLE, content->role);
}

/* ---- lists ---- */

#define NAME_COLUMNS ((size_t)16)

static void add_option(struct options *options, const char *value, char *label, bool chosen)
{
	options->list = xrealloc(options->list, (options->count + 1) * sizeof(options->list[0]));
	options->list[options->count++] = (struct option){ xstrdup(value), label, chosen };
}

void options_done(struct options *options)
{
	for (unsigned i = 0; i < options->count; i++) {
		free(options->list[i].value);
		free(options->list[i].label);
	}
	free(options->list);
	*options = (struct options){ 0 };
}

/* What tells a disk from the others: its serial number, or its WWN where it has none or another disk has the same. */
static const char *disk_name(const struct screens *screens, const struct disk *disk)
{
	unsigned same = 0;

	for (unsigned i = 0; disk->serial && i < screens->machine.disks.count; i++)
		same += str_equal(screens->machine.disks.disks[i].serial, disk->serial);
	return same > 1 && disk->wwn ? disk->wwn : str_or(disk->serial, disk->wwn);
}

static void add_disks(const struct screens *screens, const char *now, struct options *ret)
{
	for (unsigned i = 0; i < screens->machine.disks.count; i++) {
		const struct disk *disk = &screens->machine.disks.disks[i];
		const struct disk_content *content = &screens->machine.contents[i];
		const char *name = disk_name(screens, disk);
		/* Of a long one the end: WWNs of one maker begin alike. */
		size_t len = strlen(str_or(name, "")), skip = len > NAME_COLUMNS ? len - NAME_COLUMNS : 0;
		_cleanup_free_ char *size = bytes_format(disk->size_bytes);

		/* One that cannot be named is shown all the same: it is looked for. */
		add_option(ret, str_or(name, ""),
			   xasprintf("%-8.8s %9s  %-14.14s %-*s %.20s", disk->name, size, str_or(disk->model, "-"),
				     (int)NAME_COLUMNS, name ? name + skip : "-",
				     !name	     ? tr("no serial number")
				     : disk->in_use  ? disk->use
				     : content->pool ? content->pool
						     : content->text),
			   name && str_equal(name, now));
	}
}

static bool has_word(const char *words, const char *word)
{
	const char *at = strstr(words, word);
	size_t len = strlen(word);

	return at && (at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0');
}

static void add_nics(const struct screens *screens, const char *now, struct options *ret)
{
	for (unsigned i = 0; i < screens->machine.nic_count; i++) {
		const struct machine_nic *nic = &screens->machine.nics[i];
		_cleanup_free_ char *speed =
			nic->speed_mbps ? xasprintf("%lld Mb/s", (long long)nic->speed_mbps) : NULL;

		add_option(ret, nic->mac,
			   xasprintf("%-10.10s %s  %s", nic->name, nic->mac,
				     nic->link ? str_or(speed, tr("link")) : tr("no link")),
			   has_word(now, nic->mac));
	}
}

static const struct {
	enum answer answer;
	const char *value, *label;
} word_labels[] = {
	{ ANSWER_LANGUAGE, "en", "English" },
	{ ANSWER_LANGUAGE, "ko", "\355\225\234\352\265\255\354\226\264 (Korean)" },
	{ ANSWER_ROLE, "provisioner", "Provisioner: finds, installs and runs the other machines" },
	{ ANSWER_ROLE, "node", "Node: joins a provisioner by a token, and runs virtual machines" },
	{ ANSWER_ROLE, "both", "Both: a provisioner that is its own first node" },
	{ ANSWER_PROV_DHCP, "server", "The provisioner gives addresses; nobody else may" },
	{ ANSWER_PROV_DHCP, "proxy", "Another DHCP server does; this one only boots machines" },
	{ ANSWER_NODE_DISKS, "keep", "Leave them as they are" },
	{ ANSWER_NODE_DISKS, "pool", "Give them to the pool: all on them is lost" },
	{ ANSWER_DISK_STATE, "new", "Begin anew: all on the disk is lost" },
	{ ANSWER_DISK_STATE, "keep", "Keep the state, write the system anew" },
	{ ANSWER_NET_MODE, "dhcp", "Automatically (DHCP)" },
	{ ANSWER_NET_MODE, "static", "Fixed" },
	{ ANSWER_NET_BOND_MODE, "active-backup", "active-backup: one works, the other stands by" },
	{ ANSWER_NET_BOND_MODE, "802.3ad", "802.3ad: LACP, the switch has to know" },
	{ ANSWER_NET_BOND_MODE, "balance-xor", "balance-xor" },
	{ ANSWER_NET_BOND_MODE, "balance-alb", "balance-alb" },
};

const char *screen_word(enum answer answer, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(word_labels); i++) {
		if (word_labels[i].answer == answer && str_equal(word_labels[i].value, value))
			return word_labels[i].label;
	}
	return value;
}

void screen_options(const struct screens *screens, const struct row *row, struct options *ret)
{
	const char *now = row_value(screens, row);

	*ret = (struct options){ 0 };
	if (row->answer == ANSWER_DISK_SERIAL) {
		add_disks(screens, now, ret);
	} else if (row->kind == ROW_MARKS) {
		add_nics(screens, now, ret);
	} else if (row->answer == ANSWER_PROV_MAC) {
		add_option(ret, "", xstrdup(tr("The same")), !*now);
		add_nics(screens, now, ret);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(word_labels); i++) {
			if (word_labels[i].answer == row->answer)
				add_option(ret, word_labels[i].value, xstrdup(tr(word_labels[i].label)),
					   str_equal(word_labels[i].value, now));
		}
	}
}

/* ---- judging ---- */

static bool asks(const struct screen *screen, enum answer answer)
{
	for (unsigned i = 0; i < screen->row_count; i++) {
		enum answer asked = screen->rows[i].answer;

		if (asked == answer || (asked == ANSWER_DISK_SERIAL && answer == ANSWER_DISK_WWN) ||
		    (screen->rows[i].kind == ROW_MARKS && answer == ANSWER_NET_BOND_MEMBERS))
			return true;
	}
	return false;
}

/* No disk is chosen: why there is none, in words for a person in front of the machine. NULL if one is. */
static char *disk_missing(const struct screens *screens)
{
	const struct disk_list *disks = &screens->machine.disks;

	if (*row_value(screens, &screens_table[SCREEN_DISK].rows[0]))
		return NULL;
	if (disks->count == 0)
		return xstrdup(tr(
			"This machine has no disk. Connect one, or look whether its controller is switched on in the "
			"firmware; then choose \"Look again\"."));
	for (unsigned i = 0; i < disks->count; i++) {
		if (disks->disks[i].serial || disks->disks[i].wwn)
			return xstrdup(
				tr("Choose a disk with a serial number or a WWN: one that has neither cannot be told "
				   "from others."));
	}
	return xstrdup(
		tr("None of the disks has a serial number or a WWN by which it could be told from others. Connect one "
		   "that has (to a virtual machine: give it a serial number), then choose \"Look again\"."));
}

char *screen_problem(const struct screens *screens, enum screen_id id)
{
	const struct screen *screen = &screens_table[id];
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_answers_ struct answers agreed = { 0 };
	char *found = NULL;

	if (id == SCREEN_SUMMARY || !applies(screens, id))
		return NULL;
	if (id == SCREEN_DISK)
		found = disk_missing(screens);
	screens_agreed(screens, &agreed);
	answers_check(&agreed, &problems);
	machine_check(&screens->machine, &agreed, &problems);
	for (unsigned i = 0; i < problems.count && !found; i++) {
		if (asks(screen, problems.list[i].answer))
			found = xasprintf("%s: %s", tr(answers_question(problems.list[i].answer)->label),
					  problems.list[i].text);
	}
	if (!found && id == SCREEN_PASSWORD &&
	    !str_equal(answers_get(&screens->answers, ANSWER_ADMIN_PASSWORD), screens->password_again))
		found = xstrdup(tr("The two passwords differ; type both again."));
	return found;
}

enum screen_id screen_of(enum answer answer)
{
	for (unsigned id = 0; id < SCREEN_SUMMARY; id++) {
		if (asks(&screens_table[id], answer))
			return (enum screen_id)id;
	}
	return SCREEN_SUMMARY;
}
