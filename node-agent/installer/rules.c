/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is right only together with other answers. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/dhcp_range.h"
#include "installer/answers_priv.h"
#include "installer/words.h"

/* ---- problems ---- */

void problem_add(struct problems *problems, enum answer answer, const char *fmt, ...)
{
	va_list ap;

	/* One of a kind: what is wrong alone is not judged together with others. */
	for (unsigned i = 0; i < problems->count; i++) {
		if (problems->list[i].answer == answer)
			return;
	}
	if (problems->count == PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	problems->list[problems->count].answer = answer;
	problems->list[problems->count].text = xvasprintf(tr(fmt), ap);
	problems->count++;
	va_end(ap);
}

void problems_done(struct problems *problems)
{
	for (unsigned i = 0; i < problems->count; i++)
		free(problems->list[i].text);
	*problems = (struct problems){ 0 };
}

char *answers_problem_line(const struct answers *answers, const struct problems *problems, unsigned i)
{
	enum answer answer = problems->list[i].answer;
	const char *path = answers_question(answer)->path, *text = problems->list[i].text;

	if (answers->file && answers->mark[answer].line)
		return xasprintf("%s:%u:%u: %s: %s", answers->file, answers->mark[answer].line,
				 answers->mark[answer].column, path, text);
	if (answers->file)
		return xasprintf("%s: %s: %s", answers->file, path, text);
	return xasprintf("%s: %s", path, text);
}

/* ---- addresses ---- */

bool subnet_parse(const char *text, struct subnet *ret)
{
	const char *slash = strchr(text, '/');
	_cleanup_free_ char *address = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	struct subnet subnet = { 0 };
	struct in_addr address4 = { 0 };
	int64_t prefix;

	if (!address)
		return false;
	subnet.v6 = strchr(address, ':') != NULL;
	if (parse_i64(slash + 1, 1, subnet.v6 ? 128 : 32, &prefix) < 0)
		return false;
	subnet.prefix = (unsigned)prefix;
	if (subnet.v6 ? inet_pton(AF_INET6, address, &subnet.address6) != 1
		      : inet_pton(AF_INET, address, &address4) != 1)
		return false;
	if (!subnet.v6)
		subnet.address = ntohl(address4.s_addr);
	*ret = subnet;
	return true;
}

static uint32_t mask_of(const struct subnet *subnet)
{
	return subnet->prefix ? UINT32_MAX << (32 - subnet->prefix) : 0;
}

static bool address4_parse(const char *text, uint32_t *ret)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		return false;
	*ret = ntohl(address.s_addr);
	return true;
}

bool subnet_has(const struct subnet *subnet, const char *address)
{
	struct in6_addr other;
	uint32_t address4;

	if (!subnet->v6)
		return address4_parse(address, &address4) &&
		       (address4 & mask_of(subnet)) == (subnet->address & mask_of(subnet));
	if (inet_pton(AF_INET6, address, &other) != 1)
		return false;
	for (unsigned bit = 0; bit < subnet->prefix; bit++) {
		if ((other.s6_addr[bit / 8] ^ subnet->address6.s6_addr[bit / 8]) & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

bool subnet_is_host(const struct subnet *subnet, uint32_t address)
{
	return (address & ~mask_of(subnet)) != 0 && (address | mask_of(subnet)) != UINT32_MAX;
}

bool address_is_unicast(const char *text)
{
	struct in6_addr address6;
	uint32_t address;

	/* "This network", the loopback, and from multicast on (RFC 6890 table 1 and 3, RFC 5771). */
	if (address4_parse(text, &address))
		return address >> 24 != 0 && address >> 24 != 127 && address >> 24 < 224;
	return inet_pton(AF_INET6, text, &address6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&address6) &&
	       !IN6_IS_ADDR_LOOPBACK(&address6) && !IN6_IS_ADDR_MULTICAST(&address6);
}

/* ---- rules ---- */

#define HAS(answer) (answers->value[answer] != NULL)

static void require(const struct answers *answers, enum answer answer, const char *why, struct problems *problems)
{
	_cleanup_free_ char *should = answers_should(answer);

	if (!answers_get(answers, answer))
		problem_add(problems, answer, "is missing%s%s; %s", *why ? " " : "", tr(why), should);
}

static void refuse(const struct answers *answers, enum answer answer, const char *why, struct problems *problems)
{
	if (HAS(answer))
		problem_add(problems, answer, "%s; leave it out", tr(why));
}

static void rule_role(const struct answers *answers, struct problems *problems)
{
	static const enum answer of_provisioner[] = { ANSWER_PROV_MAC,	      ANSWER_PROV_VLAN,
						      ANSWER_PROV_ADDRESS,    ANSWER_PROV_DHCP,
						      ANSWER_PROV_DHCP_FIRST, ANSWER_PROV_DHCP_LAST,
						      ANSWER_PROV_GATEWAY,    ANSWER_ADMIN_PASSWORD,
						      ANSWER_ADMIN_HASH };
	static const enum answer of_join[] = { ANSWER_JOIN_TOKEN, ANSWER_JOIN_ADDRESS };

	if (!answers_get(answers, ANSWER_ROLE)) {
		problem_add(problems, ANSWER_ROLE, "is missing; say node, provisioner or both");
		return;
	}
	if (answers_keep(answers))
		return; /* none of these is looked at */
	for (size_t i = 0; i < ARRAY_SIZE(of_provisioner); i++) {
		if (answers_joins(answers))
			refuse(answers, of_provisioner[i], "is of a provisioner, and role is node", problems);
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_join); i++) {
		if (answers_has_provisioner(answers))
			refuse(answers, of_join[i], "is of a node that joins another provisioner, and role is not node",
			       problems);
	}
	if (!answers_has_node(answers))
		refuse(answers, ANSWER_NODE_DISKS, "is of a node, and role is provisioner", problems);
	if (answers_joins(answers))
		require(answers, ANSWER_JOIN_TOKEN, "(role is node)", problems);
}

static void rule_disk(const struct answers *answers, struct problems *problems)
{
	const char *serial = answers->value[ANSWER_DISK_SERIAL], *wwn = answers->value[ANSWER_DISK_WWN];
	const char *name = str_or(serial, wwn), *erase = answers->value[ANSWER_DISK_ERASE];

	if (!name)
		problem_add(
			problems, ANSWER_DISK_SERIAL,
			"is missing; name the disk by disk.serial or disk.wwn, as \"lsblk -o NAME,SERIAL,WWN\" shows them");
	else if (!erase)
		problem_add(problems, ANSWER_DISK_ERASE,
			    "is missing; repeat \"%s\" to allow what is on the disk to be lost", name);
	else if (strcasecmp(erase, name) != 0)
		problem_add(problems, ANSWER_DISK_ERASE, "\"%.60s\" is not the disk's %s; to erase it, say \"%s\"",
			    erase, serial ? tr("serial number") : "WWN", name);
}

static bool has_double(const char *words)
{
	_cleanup_free_ char *copy = xstrdup(words);
	char *next = copy, *word;

	while ((word = strsep(&next, " "))) {
		for (const char *p = next; p && (p = strstr(p, word)); p++) {
			size_t len = strlen(word);

			if ((p == next || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
				return true;
		}
	}
	return false;
}

static void rule_interface(const struct answers *answers, struct problems *problems)
{
	const char *members = answers->value[ANSWER_NET_BOND_MEMBERS], *mac = answers->value[ANSWER_PROV_MAC];

	if (members) {
		refuse(answers, ANSWER_NET_MAC, "cannot be said beside network.bond", problems);
		require(answers, ANSWER_NET_BOND_MODE, "(network.bond.members is there)", problems);
		if (!strchr(members, ' '))
			problem_add(problems, ANSWER_NET_BOND_MEMBERS,
				    "has one interface; say two or more, or network.mac instead of network.bond");
		if (has_double(members))
			problem_add(problems, ANSWER_NET_BOND_MEMBERS, "names an interface twice; say each once");
		if (mac && strstr(members, mac))
			problem_add(problems, ANSWER_PROV_MAC,
				    "is a member of the bond; leave it out to use the bond, with "
				    "provisioning.vlan for a network of its own");
	} else {
		if (!HAS(ANSWER_NET_MAC))
			problem_add(
				problems, ANSWER_NET_MAC,
				"is missing; name an interface by its MAC address, or several in network.bond.members");
		refuse(answers, ANSWER_NET_BOND_MODE, "has no network.bond.members beside it", problems);
	}
}

/* Without what is behind a slash. */
static bool check_unicast(const struct answers *answers, enum answer answer, struct problems *problems)
{
	const char *text = answers->value[answer];
	_cleanup_free_ char *address = text ? xstrndup(text, strcspn(text, "/")) : NULL;
	struct in6_addr any;

	/* What is no address at all is told by the answer alone. */
	if (!address || (inet_pton(AF_INET, address, &any) != 1 && inet_pton(AF_INET6, address, &any) != 1))
		return true;
	if (address_is_unicast(address))
		return true;
	problem_add(problems, answer,
		    "%s is no address that a machine may have on a network (of 0/8, 127/8, 224/4 and above, or of IPv6 "
		    "::, ::1 and ff00::/8); choose another address",
		    address);
	return false;
}

/* The router of network.*, or of the machines: a host of that network, and another one than we. */
static void check_router(const struct answers *answers, enum answer answer, const struct subnet *subnet, enum answer of,
			 struct problems *problems)
{
	const char *text = answers->value[answer];
	struct in6_addr address6;
	uint32_t address = 0;

	if (!text || !check_unicast(answers, answer, problems))
		return;
	if (subnet->v6 ? inet_pton(AF_INET6, text, &address6) == 1 &&
				 memcmp(&address6, &subnet->address6, sizeof(address6)) == 0
		       : address4_parse(text, &address) && address == subnet->address)
		problem_add(problems, answer, "is the machine's own address; say the router's, or leave it out");
	else if (!subnet_has(subnet, text))
		problem_add(problems, answer, "%s is not in the network of %s, %s", text, answers_question(of)->path,
			    answers->value[of]);
	else if (!subnet->v6 && subnet->prefix <= 30 && !subnet_is_host(subnet, address))
		problem_add(problems, answer,
			    "is the number of the network or its broadcast address; choose an address between them");
}

static void rule_network(const struct answers *answers, struct problems *problems)
{
	static const enum answer of_static[] = { ANSWER_NET_ADDRESS, ANSWER_NET_GATEWAY };
	struct subnet subnet;

	rule_interface(answers, problems);
	if (!answers_is(answers, ANSWER_NET_MODE, "static")) {
		for (size_t i = 0; i < ARRAY_SIZE(of_static); i++)
			refuse(answers, of_static[i], "is of network.mode static, and the mode is dhcp", problems);
		return;
	}
	require(answers, ANSWER_NET_ADDRESS, "(network.mode is static)", problems);
	if (!HAS(ANSWER_NET_ADDRESS) || !subnet_parse(answers->value[ANSWER_NET_ADDRESS], &subnet))
		return;
	check_unicast(answers, ANSWER_NET_ADDRESS, problems);
	if (subnet.v6 && answers_joins(answers))
		problem_add(problems, ANSWER_NET_ADDRESS,
			    "is of IPv6, and provisioners are reached by IPv4; say an IPv4 address");
	if (!subnet.v6 && subnet.prefix <= 30 && !subnet_is_host(&subnet, subnet.address))
		problem_add(problems, ANSWER_NET_ADDRESS,
			    "is the number of the network or its broadcast address; choose an address between them");
	check_router(answers, ANSWER_NET_GATEWAY, &subnet, ANSWER_NET_ADDRESS, problems);
}

/* One address of the range; true if it can be used for more checks. */
static bool check_in_range(const struct answers *answers, enum answer answer, const struct subnet *subnet,
			   uint32_t *ret, struct problems *problems)
{
	const char *text = answers->value[answer];

	if (!text || !address4_parse(text, ret))
		return false;
	if (subnet_has(subnet, text) && subnet_is_host(subnet, *ret))
		return true;
	problem_add(problems, answer, "%s is not an address of a host in the network of provisioning.address, %s", text,
		    answers->value[ANSWER_PROV_ADDRESS]);
	return false;
}

/* What somebody has already cannot be given to machines. */
static void check_range(const struct answers *answers, uint32_t first, uint32_t last, uint32_t own,
			struct problems *problems)
{
	static const enum answer others[] = { ANSWER_NET_ADDRESS, ANSWER_NET_GATEWAY };

	if (first > last)
		problem_add(problems, ANSWER_PROV_DHCP_LAST, "is lower than provisioning.dhcp_first; exchange them");
	else if (!dhcp_range_fits(first, last))
		problem_add(problems, ANSWER_PROV_DHCP_LAST,
			    "the range has %u addresses, and at most %u can be given; choose a smaller range",
			    last - first + 1, (unsigned)DHCP_RANGE_MAX);
	if (first <= own && own <= last)
		problem_add(problems, ANSWER_PROV_DHCP_FIRST,
			    "the range contains the provisioner's own address; choose one before or behind it");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const char *text = answers->value[others[i]];
		_cleanup_free_ char *address = text ? xstrndup(text, strcspn(text, "/")) : NULL;
		uint32_t address4;

		if (address && address4_parse(address, &address4) && first <= address4 && address4 <= last)
			problem_add(problems, ANSWER_PROV_DHCP_FIRST,
				    "the range contains %s, which is %s; choose one before or behind it", address,
				    answers_question(others[i])->path);
	}
}

static void rule_provisioning(const struct answers *answers, struct problems *problems)
{
	static const enum answer needed[] = { ANSWER_PROV_ADDRESS, ANSWER_PROV_DHCP_FIRST, ANSWER_PROV_DHCP_LAST };
	uint32_t first, last, gateway;
	struct subnet subnet, own;
	bool has_first, has_last;

	if (!answers_has_provisioner(answers))
		return;
	if (answers_one_network(answers) && answers_is(answers, ANSWER_NET_MODE, "dhcp") &&
	    !answers_is(answers, ANSWER_PROV_DHCP, "proxy"))
		problem_add(
			problems, ANSWER_PROV_MAC,
			"the network has DHCP (network.mode), and the provisioner would serve it there itself; name an interface "
			"or VLAN of its own for provisioning, or say network.mode: static, or provisioning.dhcp: proxy");
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		require(answers, needed[i], "(the machine becomes a provisioner)", problems);
	if (!HAS(ANSWER_PROV_ADDRESS) || !subnet_parse(answers->value[ANSWER_PROV_ADDRESS], &subnet) || subnet.v6 ||
	    !check_unicast(answers, ANSWER_PROV_ADDRESS, problems))
		return;
	has_first = check_in_range(answers, ANSWER_PROV_DHCP_FIRST, &subnet, &first, problems);
	has_last = check_in_range(answers, ANSWER_PROV_DHCP_LAST, &subnet, &last, problems);
	if (has_first && has_last)
		check_range(answers, first, last, subnet.address, problems);
	check_router(answers, ANSWER_PROV_GATEWAY, &subnet, ANSWER_PROV_ADDRESS, problems);
	if (has_first && has_last && HAS(ANSWER_PROV_GATEWAY) &&
	    address4_parse(answers->value[ANSWER_PROV_GATEWAY], &gateway) && first <= gateway && gateway <= last)
		problem_add(problems, ANSWER_PROV_GATEWAY,
			    "is within the range that is given to machines; choose another range");
	if (!answers_one_network(answers) && HAS(ANSWER_NET_ADDRESS) &&
	    subnet_parse(answers->value[ANSWER_NET_ADDRESS], &own) && !own.v6 &&
	    (subnet_has(&own, str_or(answers->value[ANSWER_PROV_DHCP_FIRST], "")) ||
	     ((own.address ^ subnet.address) & mask_of(&subnet)) == 0))
		problem_add(
			problems, ANSWER_PROV_ADDRESS,
			"is in the network of network.address, but on another interface or VLAN; choose another network");
}

static void rule_password(const struct answers *answers, struct problems *problems)
{
	const char *password = answers->value[ANSWER_ADMIN_PASSWORD];

	if (!answers_has_provisioner(answers))
		return;
	if (!password && !HAS(ANSWER_ADMIN_HASH))
		problem_add(
			problems, ANSWER_ADMIN_PASSWORD,
			"is missing (the machine becomes a provisioner); say admin.password or admin.password_hash");
	else if (password)
		refuse(answers, ANSWER_ADMIN_HASH, "cannot be said beside admin.password", problems);
	if (!password)
		return;
	if (strlen(password) < PASSWORD_MIN_LENGTH)
		problem_add(problems, ANSWER_ADMIN_PASSWORD, "has %zu characters; use at least %d", strlen(password),
			    PASSWORD_MIN_LENGTH);
	else if (password_bits(password, answers->value[ANSWER_HOST_NAME]) < PASSWORD_MIN_BITS)
		problem_add(
			problems, ANSWER_ADMIN_PASSWORD,
			"is too easy to guess: the host's name, words such as admin and what is repeated hardly count; make it longer, or mix "
			"letters, digits and other characters");
}

static void rule_host(const struct answers *answers, struct problems *problems)
{
	require(answers, ANSWER_HOST_NAME, "", problems);
	if (answers_is(answers, ANSWER_HOST_NAME, "localhost"))
		problem_add(problems, ANSWER_HOST_NAME,
			    "is what every machine calls itself; choose a name that no other machine has");
}

/* By the order of the questions; there is one problem an answer. */
static int compare_problems(const void *a, const void *b)
{
	const enum answer *first = a, *second = b; /* the first member */

	return (int)*first - (int)*second;
}

bool answers_check(const struct answers *answers, struct problems *ret)
{
	static const struct {
		void (*judge)(const struct answers *answers, struct problems *problems);
		enum answer about; /* one of those that it is about */
	} rules[] = {
		{ rule_role, ANSWER_ROLE },	  { rule_disk, ANSWER_DISK_SERIAL },
		{ rule_network, ANSWER_NET_MAC }, { rule_provisioning, ANSWER_PROV_MAC },
		{ rule_host, ANSWER_HOST_NAME },  { rule_password, ANSWER_ADMIN_PASSWORD },
	};

	*ret = (struct problems){ 0 };
	for (unsigned i = 0; i < ANSWER_COUNT; i++)
		answers_check_alone(answers, (enum answer)i, ret);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (answers_counts(answers, rules[i].about))
			rules[i].judge(answers, ret);
	}
	qsort(ret->list, ret->count, sizeof(ret->list[0]), compare_problems);
	return ret->count == 0;
}
