/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of questions, and what one answer alone may be. */
#include "installer/answers.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "crypto/join_text.h"
#include "installer/answers_priv.h"
#include "installer/words.h"
#include "schema/schema.h"

/* ---- what a text may be: true if it is right ---- */

static bool all_of(const char *text, const char *others)
{
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr(others, *p))
			return false;
	}
	return *text != '\0';
}

static bool is_name(const char *text)
{
	return !format_check(FORMAT_NAME, text);
}

static bool is_mac(const char *text)
{
	return !format_check(FORMAT_MAC, text);
}

static bool is_address(const char *text)
{
	return !format_check(FORMAT_ADDRESS, text);
}

static bool is_ipv4(const char *text)
{
	return is_address(text) && !strchr(text, ':');
}

static bool is_subnet(const char *text)
{
	struct subnet subnet;

	return subnet_parse(text, &subnet);
}

/* An address of a host, in a subnet that has room for some. */
static bool is_own_subnet4(const char *text)
{
	struct subnet subnet;

	return subnet_parse(text, &subnet) && !subnet.v6 && subnet.prefix >= 8 && subnet.prefix <= 30 &&
	       subnet_is_host(&subnet, subnet.address);
}

static bool is_vlan(const char *text)
{
	int64_t tag;

	return parse_i64(text, 1, 4094, &tag) == 0;
}

static bool is_host_or_address(const char *text)
{
	return is_address(text) || (all_of(text, "-.") && text[0] != '-' && text[0] != '.' && strlen(text) <= 253);
}

static bool is_join_token(const char *text)
{
	struct join_text join;

	return join_text_parse(text, &join) == 0;
}

/* Modular crypt format, of the kinds that crypt(5) does not call weak. */
static bool is_hash(const char *text)
{
	static const char *const kinds[] = { "$y$", "$gy$", "$7$", "$2b$", "$6$" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (str_starts(text, kinds[i]))
			return all_of(text, "./$=,") && strlen(text) >= 40;
	}
	return false;
}

/* A terminal's input has no line ends, and the file that hands it over has one line. */
static bool is_password(const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	}
	return true;
}

static bool is_printable(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (!isprint((unsigned char)*p))
			return false;
	}
	return *text != '\0';
}

/* The terminals that the host image has a login on (images/host/build.sh): others would show the kernel's words and then nothing.
 * Speeds: those of a UART's divisor, with parity and bits as the kernel takes them (Documentation/admin-guide/serial-console). */
static bool is_console(const char *text)
{
	static const char *const speeds[] = {
		"9600", "19200", "38400", "57600", "115200", "230400", "460800", "921600"
	};
	const char *comma = strchr(text, ','), *options = comma ? comma + 1 : NULL;

	if (str_equal(text, "tty0"))
		return true;
	if ((!str_starts(text, "ttyS0") && !str_starts(text, "ttyS1")) || (text[5] && text[5] != ','))
		return false;
	for (size_t i = 0; options && i < ARRAY_SIZE(speeds); i++) {
		const char *rest = options + strlen(speeds[i]);

		if (str_starts(options, speeds[i]) &&
		    (!*rest || str_equal(rest, "n8") || str_equal(rest, "n8r") || str_equal(rest, "n") ||
		     str_equal(rest, "e7") || str_equal(rest, "o7") || str_equal(rest, "n7")))
			return true;
	}
	return !options;
}

static bool is_zone(const char *text)
{
	return zone_known(text);
}

/* ---- the table ---- */

static const char *const role_words[] = { "node", "provisioner", "both", NULL };
static const char *const language_words[] = { "en", "ko", NULL };
static const char *const finish_words[] = { "reboot", "poweroff", "kexec", NULL };
static const char *const disks_words[] = { "keep", "pool", NULL };
static const char *const dhcp_words[] = { "server", "proxy", NULL };
static const char *const state_words[] = { "new", "keep", NULL };
static const char *const mode_words[] = { "dhcp", "static", NULL };
static const char *const bond_words[] = { "active-backup", "802.3ad", "balance-xor", "balance-alb", NULL };

#define LIST .list = true
#define SECRET .secret = true
static const struct row {
	struct question question;
	size_t max;
	bool (*right)(const char *text); /* of each word of a list */
} rows[ANSWER_COUNT] = {
	[ANSWER_ROLE] = { { "role", "Role", .words = role_words, .help = "what the machine becomes" } },
	[ANSWER_LANGUAGE] = { { "language", "Language", "en", .words = language_words,
				.help = "of the installer's screens" } },
	[ANSWER_FINISH] = { { "finish", "When it is done", "reboot", .words = finish_words,
			      .help = "what happens then" } },
	[ANSWER_CONSOLE] = { { "console", "Consoles", LIST,
			       .help = "tty0, ttyS0 or ttyS1, with a speed such as [tty0, \"ttyS0,115200n8\"]" },
			     64,
			     is_console },
	[ANSWER_DISK_SERIAL] = { { "disk.serial", "Disk", .help = "the serial number of the disk" },
				 255,
				 is_printable },
	[ANSWER_DISK_WWN] = { { "disk.wwn", "WWN",
				.help = "the World Wide Name of the disk, such as naa.5000c500a1b2c3d4" },
			      255,
			      is_printable },
	[ANSWER_DISK_ERASE] = { { "disk.erase", "Type it to erase",
				  .help = "the serial number of the disk (its WWN if it has none) once more: all on it is lost" },
				255,
				is_printable },
	[ANSWER_DISK_STATE] = { { "disk.state", "What an Ingot host left there", "new", .words = state_words,
				  .help = "keep: what an Ingot host on the disk knows stays, its system is written anew" } },
	[ANSWER_NET_MAC] = { { "network.mac", "Interface", .help = "the MAC address of an interface, in lower case" },
			     17,
			     is_mac },
	[ANSWER_NET_BOND_MEMBERS] = { { "network.bond.members", "Interfaces", LIST,
					.help = "the MAC addresses of at least two interfaces, in lower case" },
				      17,
				      is_mac },
	[ANSWER_NET_BOND_MODE] = { { "network.bond.mode", "Bond", .words = bond_words,
				     .help = "how they are bonded" } },
	[ANSWER_NET_VLAN] = { { "network.vlan", "VLAN", .help = "a VLAN tag, 1 to 4094" }, 4, is_vlan },
	[ANSWER_NET_MODE] = { { "network.mode", "Address", "dhcp", .words = mode_words,
				.help = "where its address comes from" } },
	[ANSWER_NET_ADDRESS] = { { "network.address", "Address", .help = "ADDRESS/PREFIX, such as 192.0.2.10/24" },
				 64,
				 is_subnet },
	[ANSWER_NET_GATEWAY] = { { "network.gateway", "Gateway", .help = "the address of a router" }, 64, is_address },
	[ANSWER_NET_DNS] = { { "network.dns", "Name servers", LIST, .help = "addresses of name servers" },
			     64,
			     is_address },
	[ANSWER_PROV_MAC] = { { "provisioning.mac", "Interface",
				.help = "the MAC address of an interface, in lower case; none: the same as the network's" },
			      17,
			      is_mac },
	[ANSWER_PROV_VLAN] = { { "provisioning.vlan", "VLAN", .help = "a VLAN tag, 1 to 4094" }, 4, is_vlan },
	[ANSWER_PROV_ADDRESS] = { { "provisioning.address", "Our address",
				    .help = "IPV4/PREFIX of a host, such as 10.10.0.1/24, prefix 8 to 30" },
				  32,
				  is_own_subnet4 },
	[ANSWER_PROV_DHCP] = { { "provisioning.dhcp", "DHCP", "server", .words = dhcp_words,
				 .help = "who gives addresses to machines: server: the provisioner; proxy: another server" } },
	[ANSWER_PROV_DHCP_FIRST] = { { "provisioning.dhcp_first", "DHCP from",
				       .help = "the first IPv4 address given to machines" },
				     15,
				     is_ipv4 },
	[ANSWER_PROV_DHCP_LAST] = { { "provisioning.dhcp_last", "DHCP to",
				      .help = "the last IPv4 address given to machines" },
				    15,
				    is_ipv4 },
	[ANSWER_PROV_GATEWAY] = { { "provisioning.gateway", "Router",
				    .help = "the IPv4 address of the machines' router" },
				  15,
				  is_ipv4 },
	[ANSWER_HOST_NAME] = { { "host_name", "Host name",
				 .help = "1 to 63 of a-z, 0-9 and '-', without '-' at the ends, and no UUID" },
			       63,
			       is_name },
	[ANSWER_ADMIN_PASSWORD] = { { "admin.password", "Password", SECRET,
				      .help = "at least 10 characters without control characters, not easy to guess" },
				    128,
				    is_password },
	[ANSWER_ADMIN_HASH] = { { "admin.password_hash", "Password's hash", SECRET,
				  .help = "as mkpasswd writes it ($y$, $gy$, $7$, $2b$ or $6$)" },
				255,
				is_hash },
	[ANSWER_TIME_ZONE] = { { "time.zone", "Time zone", "UTC",
				 .help = "a name of the time zone database, such as Asia/Seoul" },
			       64,
			       is_zone },
	[ANSWER_TIME_NTP] = { { "time.ntp", "Time servers", LIST, .help = "names or addresses of time servers" },
			      253,
			      is_host_or_address },
	[ANSWER_NODE_DISKS] = { { "node.disks", "Its other disks", "keep", .words = disks_words,
				  .help = "pool: they are given to the pool, and what is on them is lost" } },
	[ANSWER_JOIN_TOKEN] = { { "join.token", "Join token", SECRET,
				  .help = "the whole text that \"ingot join-token create\" printed: join_ and 80 characters" },
				255,
				is_join_token },
	[ANSWER_JOIN_ADDRESS] = { { "join.address", "Provisioner",
				    .help = "the IPv4 address of the provisioner, if it is another one than in the token" },
				  15,
				  is_ipv4 },
};

const struct question *answers_question(enum answer answer)
{
	return &rows[answer].question;
}

int answers_find(const char *path, enum answer *ret)
{
	for (unsigned i = 0; i < ANSWER_COUNT; i++) {
		if (str_equal(rows[i].question.path, path)) {
			*ret = (enum answer)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- values ---- */

void answers_done(struct answers *answers)
{
	for (unsigned i = 0; i < ANSWER_COUNT; i++)
		answers_set(answers, (enum answer)i, NULL);
	free(answers->file);
	*answers = (struct answers){ 0 };
}

const char *answers_get(const struct answers *answers, enum answer answer)
{
	return str_or(answers->value[answer], rows[answer].question.initial);
}

void answers_set(struct answers *answers, enum answer answer, const char *value)
{
	char **slot = &answers->value[answer];

	if (*slot && rows[answer].question.secret)
		wipe(*slot, strlen(*slot));
	str_set(slot, value && *value ? value : NULL);
}

bool answers_is(const struct answers *answers, enum answer answer, const char *value)
{
	return str_equal(answers_get(answers, answer), value);
}

bool answers_has_provisioner(const struct answers *answers)
{
	return answers_is(answers, ANSWER_ROLE, "provisioner") || answers_is(answers, ANSWER_ROLE, "both");
}

bool answers_has_node(const struct answers *answers)
{
	return answers_is(answers, ANSWER_ROLE, "node") || answers_is(answers, ANSWER_ROLE, "both");
}

bool answers_keep(const struct answers *answers)
{
	return answers_is(answers, ANSWER_DISK_STATE, "keep");
}

bool answers_counts(const struct answers *answers, enum answer answer)
{
	static const enum answer always[] = {
		ANSWER_ROLE,	    ANSWER_LANGUAGE, ANSWER_FINISH,	ANSWER_CONSOLE,
		ANSWER_DISK_SERIAL, ANSWER_DISK_WWN, ANSWER_DISK_ERASE, ANSWER_DISK_STATE
	};

	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		if (always[i] == answer)
			return true;
	}
	return !answers_keep(answers);
}

bool answers_joins(const struct answers *answers)
{
	return answers_is(answers, ANSWER_ROLE, "node");
}

bool answers_one_network(const struct answers *answers)
{
	const char *mac = answers->value[ANSWER_PROV_MAC];

	return (!mac || answers_is(answers, ANSWER_NET_MAC, mac)) &&
	       str_equal(answers->value[ANSWER_PROV_VLAN], answers->value[ANSWER_NET_VLAN]);
}

/* ---- one answer alone ---- */

char *answers_should(enum answer answer)
{
	const char *const *words = rows[answer].question.words;
	struct strbuf text = { 0 };

	if (!words)
		return xasprintf("%s: %s", tr("it must be"), tr(rows[answer].question.help));
	strbuf_addf(&text, "%s ", tr("say"));
	for (size_t i = 0; words[i]; i++)
		strbuf_addf(&text, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : tr(" or "), words[i]);
	return strbuf_take(&text);
}

static void check_word(const struct row *row, enum answer answer, const char *word, struct problems *problems)
{
	_cleanup_free_ char *should = answers_should(answer);

	if (row->question.words) {
		if (word_index(row->question.words, word) < 0)
			problem_add(problems, answer, "\"%.60s\" is not known; %s", word, should);
	} else if (strlen(word) > row->max) {
		problem_add(problems, answer, "has %zu characters, at most %zu are right", strlen(word), row->max);
	} else if (!row->right(word)) {
		/* What is secret is not repeated. */
		if (row->question.secret)
			problem_add(problems, answer, "is not right; %s", should);
		else
			problem_add(problems, answer, "\"%.60s\" is not right; %s", word, should);
	}
}

void answers_check_alone(const struct answers *answers, enum answer answer, struct problems *problems)
{
	const struct row *row = &rows[answer];
	_cleanup_free_ char *copy = xstrdup(answers->value[answer]);
	char *next = copy, *word;

	if (!copy)
		return;
	if (!row->question.list) {
		check_word(row, answer, copy, problems);
	} else {
		while ((word = strsep(&next, " ")))
			check_word(row, answer, word, problems);
	}
	if (row->question.secret)
		wipe(copy, strlen(copy));
}
