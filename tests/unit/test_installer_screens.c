/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The screens of the attended installer without a terminal: the way through them, what they offer, what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "installer/screens.h"
#include "installer/words.h"

#define MAC_1 "52:54:00:00:00:01"
#define MAC_2 "52:54:00:00:00:02"
#define PASSWORD "correct horse battery staple"

static void add_nic(struct machine *machine, const char *name, const char *mac)
{
	machine->nics[machine->nic_count++] =
		(struct machine_nic){ .name = xstrdup(name), .mac = xstrdup(mac), .link = true };
}

/* A machine with an empty disk "a", a disk without a serial number that has a host, and two interfaces. Its sysroot does not
 * exist: whoever would look at a real disk here finds none. */
static int set_up(void **state)
{
	struct screens *s = new0(struct screens, 1);

	s->machine.sysroot = "/nonexistent";
	s->machine.disks.disks = new0(struct disk, 2);
	s->machine.disks.count = 2;
	s->machine.contents = new0(struct disk_content, 2);
	s->machine.disks.disks[0] = (struct disk){ .name = xstrdup("vda"),
						   .path = xstrdup("/dev/vda"),
						   .serial = xstrdup("a"),
						   .model = xstrdup("Model"),
						   .size_bytes = 8 * GIB };
	s->machine.disks.disks[1] = (struct disk){
		.name = xstrdup("vdb"), .path = xstrdup("/dev/vdb"), .wwn = xstrdup("naa.5"), .size_bytes = 8 * GIB
	};
	s->machine.contents[0].text = xstrdup("empty");
	s->machine.contents[1] = (struct disk_content){ .text = xstrdup("an Ingot host"), .host = true };
	s->machine.nics = new0(struct machine_nic, 2);
	add_nic(&s->machine, "eth0", MAC_1);
	add_nic(&s->machine, "eth1", MAC_2);
	answers_set(&s->answers, ANSWER_ROLE, "provisioner");
	words_language("en");
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	screens_done(*state);
	free(*state);
	return 0;
}

/* Every screen names what it asks, each answer is asked by one screen, and none has more rows than there is room for. */
static void test_table(void **state)
{
	bool asked[ANSWER_COUNT] = { false };

	for (unsigned id = 0; id < SCREEN_COUNT; id++) {
		const struct screen *screen = screen_get((enum screen_id)id);

		assert_non_null(screen->title);
		assert_non_null(screen->text);
		assert_true(screen->row_count <= ROWS_MAX && (screen->row_count > 0 || id == SCREEN_SUMMARY));
		for (unsigned i = 0; i < screen->row_count; i++) {
			if (screen->rows[i].answer == ANSWER_COUNT)
				continue;
			assert_false(asked[screen->rows[i].answer]);
			asked[screen->rows[i].answer] = true;
		}
	}
}

/* Forth from the first to the last and back again is the same way; what does not apply is left out both times. */
static void test_there_and_back(void **state)
{
	struct screens *s = *state;

	/* A provisioner is asked neither for a token nor for its disks; a node that joins has no provisioning network and no
	 * administrator; the disk has no host. */
	static const struct {
		const char *role;
		unsigned left_out;
	} roles[] = { { "provisioner", 5 }, { "both", 4 }, { "node", 6 } };

	for (unsigned with = 0; with < 4 * ARRAY_SIZE(roles); with++) {
		enum screen_id way[SCREEN_COUNT], id = SCREEN_LANGUAGE;
		unsigned count = 0;

		row_set(s, &screen_get(SCREEN_ROLE)->rows[0], roles[with / 4].role);
		row_set(s, &screen_get(SCREEN_ADDRESS)->rows[0], with & 1 ? "static" : "dhcp");
		row_set(s, &screen_get(SCREEN_PORT)->rows[0], with & 2 ? MAC_1 " " MAC_2 : MAC_1);
		for (way[count++] = id; screen_next(s, id) != id; way[count++] = id)
			id = screen_next(s, id);
		assert_int_equal(id, SCREEN_SUMMARY);
		assert_int_equal(count, SCREEN_COUNT - roles[with / 4].left_out + (with & 1) + (with >> 1) % 2);
		while (--count > 0) {
			id = screen_back(s, id);
			assert_int_equal(id, way[count - 1]);
		}
		assert_int_equal(screen_back(s, id), SCREEN_LANGUAGE);
	}
}

static void set(struct screens *s, enum screen_id id, unsigned row, const char *value)
{
	row_set(s, &screen_get(id)->rows[row], value);
}

static void assert_wrong(struct screens *s, enum screen_id id, const char *words)
{
	_cleanup_free_ char *problem = screen_problem(s, id);

	if (!problem || !strstr(problem, words))
		fail_msg("no \"%s\" in: %s", words, str_or(problem, "(right)"));
}

static void assert_right(struct screens *s, enum screen_id id)
{
	_cleanup_free_ char *problem = screen_problem(s, id);

	if (problem)
		fail_msg("%s", problem);
}

/* What counts of an answer, NULL: nothing. */
static void assert_agreed(struct screens *s, enum answer answer, const char *value)
{
	_cleanup_answers_ struct answers agreed = { 0 };

	screens_agreed(s, &agreed);
	if (value)
		assert_string_equal(agreed.value[answer], value);
	else
		assert_null(agreed.value[answer]);
}

/* A screen judges what it asks: what is missing on later ones does not hold it up. */
static void test_each_judges_its_own(void **state)
{
	struct screens *s = *state;

	assert_right(s, SCREEN_LANGUAGE);
	assert_right(s, SCREEN_ROLE);
	assert_wrong(s, SCREEN_DISK, "Choose a disk");
	set(s, SCREEN_DISK, 0, "a");
	assert_wrong(s, SCREEN_ERASE, "repeat \"a\"");
	assert_wrong(s, SCREEN_PORT, "is missing");
	set(s, SCREEN_PORT, 0, MAC_1);
	assert_right(s, SCREEN_PORT);
	set(s, SCREEN_ADDRESS, 0, "dhcp");
	assert_right(s, SCREEN_ADDRESS);
	set(s, SCREEN_ADDRESS, 1, "5000");
	assert_wrong(s, SCREEN_ADDRESS, "1 to 4094");
	set(s, SCREEN_ADDRESS, 1, "");
	/* DHCP is asked for and served on one network: that shows where the provisioning network is chosen. */
	set(s, SCREEN_PROV_PORT, 0, "");
	assert_wrong(s, SCREEN_PROV_PORT, "DHCP");
	set(s, SCREEN_PROV_PORT, 0, MAC_2);
	assert_right(s, SCREEN_PROV_PORT);
	set(s, SCREEN_PROV, 0, "10.10.0.1/24");
	set(s, SCREEN_PROV, 1, "10.10.0.9");
	assert_wrong(s, SCREEN_PROV, "is missing");
	set(s, SCREEN_PROV, 2, "10.10.0.99");
	assert_right(s, SCREEN_PROV);
	set(s, SCREEN_HOST, 0, "Not A Name");
	assert_wrong(s, SCREEN_HOST, "a-z");
	set(s, SCREEN_PASSWORD, 0, PASSWORD);
	set(s, SCREEN_PASSWORD, 1, "other");
	assert_wrong(s, SCREEN_PASSWORD, "differ");
	set(s, SCREEN_PASSWORD, 1, PASSWORD);
	assert_right(s, SCREEN_PASSWORD);
}

/* Choosing another disk takes back the permission to erase; choosing the same one again does not. */
static void test_permission_is_for_one_disk(void **state)
{
	struct screens *s = *state;

	set(s, SCREEN_DISK, 0, "a");
	set(s, SCREEN_ERASE, 0, "a");
	set(s, SCREEN_DISK, 0, "a");
	assert_string_equal(answers_get(&s->answers, ANSWER_DISK_ERASE), "a");
	set(s, SCREEN_DISK, 0, "naa.5");
	assert_null(answers_get(&s->answers, ANSWER_DISK_ERASE));
	assert_null(answers_get(&s->answers, ANSWER_DISK_SERIAL));
	assert_string_equal(answers_get(&s->answers, ANSWER_DISK_WWN), "naa.5");
}

static void test_one_port_or_a_bond(void **state)
{
	struct screens *s = *state;

	set(s, SCREEN_PORT, 0, MAC_1 " " MAC_2);
	assert_string_equal(answers_get(&s->answers, ANSWER_NET_BOND_MEMBERS), MAC_1 " " MAC_2);
	assert_null(answers_get(&s->answers, ANSWER_NET_MAC));
	assert_wrong(s, SCREEN_BOND, "say active-backup");
	set(s, SCREEN_BOND, 0, "802.3ad");
	assert_right(s, SCREEN_BOND);
	set(s, SCREEN_PORT, 0, MAC_2);
	assert_null(answers_get(&s->answers, ANSWER_NET_BOND_MEMBERS));
	assert_right(s, SCREEN_PORT);
	assert_agreed(s, ANSWER_NET_BOND_MODE, NULL);
	set(s, SCREEN_PORT, 0, MAC_1 " " MAC_2);
	assert_agreed(s, ANSWER_NET_BOND_MODE, "802.3ad");
}

/* What a fixed address needs does not count while it is asked for by DHCP, and is there again when it is not. */
static void test_to_dhcp_and_back(void **state)
{
	static const struct {
		enum answer answer;
		const char *value;
	} fixed[] = { { ANSWER_NET_ADDRESS, "192.0.2.10/24" },
		      { ANSWER_NET_GATEWAY, "192.0.2.1" },
		      { ANSWER_NET_DNS, "192.0.2.53" } };
	struct screens *s = *state;
	_cleanup_free_ char *summary = NULL;

	set(s, SCREEN_PORT, 0, MAC_1);
	set(s, SCREEN_PROV_PORT, 0, MAC_2);
	set(s, SCREEN_ADDRESS, 0, "static");
	for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
		set(s, SCREEN_STATIC, i, fixed[i].value);
	set(s, SCREEN_ADDRESS, 0, "dhcp");
	assert_right(s, SCREEN_ADDRESS);
	for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
		assert_agreed(s, fixed[i].answer, NULL);
	summary = screen_summary(s);
	assert_null(strstr(summary, "192.0.2."));
	set(s, SCREEN_ADDRESS, 0, "static");
	assert_right(s, SCREEN_STATIC);
	for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++) {
		assert_string_equal(row_value(s, &screen_get(SCREEN_STATIC)->rows[i]), fixed[i].value);
		assert_agreed(s, fixed[i].answer, fixed[i].value);
	}
}

static void test_lists(void **state)
{
	struct screens *s = *state;
	struct options options;

	set(s, SCREEN_DISK, 0, "naa.5");
	screen_options(s, &screen_get(SCREEN_DISK)->rows[0], &options);
	assert_int_equal(options.count, 2);
	assert_non_null(strstr(options.list[0].label, "8 GiB"));
	assert_non_null(strstr(options.list[1].label, "an Ingot host"));
	assert_true(options.list[1].chosen && !options.list[0].chosen);
	options_done(&options);
	set(s, SCREEN_PORT, 0, MAC_2);
	screen_options(s, &screen_get(SCREEN_PORT)->rows[0], &options);
	assert_int_equal(options.count, 2);
	assert_true(options.list[1].chosen && !options.list[0].chosen);
	options_done(&options);
	screen_options(s, &screen_get(SCREEN_PROV_PORT)->rows[0], &options);
	assert_int_equal(options.count, 3); /* and "the same" */
	assert_true(options.list[0].chosen);
	options_done(&options);
}

/* Two paths to one disk, or two disks of a careless maker: their WWNs tell them apart, by the end that is shown. */
static void test_disks_of_one_serial_number(void **state)
{
	struct screens *s = *state;
	struct options options;

	str_set(&s->machine.disks.disks[1].serial, "a");
	str_set(&s->machine.disks.disks[0].wwn, "naa.5000c500a1b2c3d4");
	str_set(&s->machine.disks.disks[1].wwn, "naa.5000c500a1b2c3d5");
	screen_options(s, &screen_get(SCREEN_DISK)->rows[0], &options);
	assert_string_equal(options.list[0].value, "naa.5000c500a1b2c3d4");
	assert_non_null(strstr(options.list[0].label, "5000c500a1b2c3d4 empty"));
	assert_non_null(strstr(options.list[1].label, "5000c500a1b2c3d5 "));
	options_done(&options);
	set(s, SCREEN_DISK, 0, "naa.5000c500a1b2c3d5");
	assert_null(answers_get(&s->answers, ANSWER_DISK_SERIAL));
	assert_string_equal(answers_get(&s->answers, ANSWER_DISK_WWN), "naa.5000c500a1b2c3d5");
	/* Only one of them has a WWN: the other cannot be told by its number, and its number is what it has. */
	str_set(&s->machine.disks.disks[0].wwn, NULL);
	screen_options(s, &screen_get(SCREEN_DISK)->rows[0], &options);
	assert_string_equal(options.list[0].value, "a");
	options_done(&options);
}

/* Where there is nothing to choose, a person reads why, and not how an answer file would say it. */
static void test_no_disk_to_choose(void **state)
{
	struct screens *s = *state;
	struct options options;

	str_set(&s->machine.disks.disks[1].wwn, NULL);
	screen_options(s, &screen_get(SCREEN_DISK)->rows[0], &options);
	assert_int_equal(options.count, 2);
	assert_string_equal(options.list[1].value, "");
	assert_non_null(strstr(options.list[1].label, "no serial number"));
	assert_false(options.list[0].chosen || options.list[1].chosen);
	options_done(&options);
	set(s, SCREEN_DISK, 0, "");
	assert_wrong(s, SCREEN_DISK, "one that has neither");
	str_set(&s->machine.disks.disks[0].serial, NULL);
	assert_wrong(s, SCREEN_DISK, "None of the disks has a serial number");
	for (unsigned i = 0; i < s->machine.disks.count; i++)
		disk_content_done(&s->machine.contents[i]);
	disk_list_done(&s->machine.disks);
	assert_wrong(s, SCREEN_DISK, "This machine has no disk");
	assert_wrong(s, SCREEN_DISK, "Look again");
	for (unsigned korean = 0; korean < 2; korean++) {
		_cleanup_free_ char *problem = screen_problem(s, SCREEN_DISK);

		assert_null(strstr(problem, "disk.serial"));
		assert_int_equal(strstr(problem, "디스크") != NULL, korean);
		setenv("TERM", "vt220", 1);
		setlocale(LC_CTYPE, "C.UTF-8");
		words_language("ko");
	}
}

/* What was answered stands under the words of the screens, in columns that a syllable of Hangul takes two of. */
static void test_summary_is_for_people(void **state)
{
	struct screens *s = *state;
	_cleanup_free_ char *english = NULL, *korean = NULL;

	set(s, SCREEN_PORT, 0, MAC_1);
	set(s, SCREEN_ADDRESS, 0, "dhcp");
	set(s, SCREEN_PROV_PORT, 0, MAC_2);
	set(s, SCREEN_PROV, 0, "10.10.0.1/24");
	set(s, SCREEN_HOST, 0, "rack-1");
	english = screen_summary(s);
	assert_string_equal(english, "Role                   Provisioner\n"
				     "Host name              rack-1\n"
				     "Time zone              UTC\n"
				     "Network\n"
				     "  Interface            " MAC_1 "\n"
				     "  Address              Automatically (DHCP)\n"
				     "Provisioning network\n"
				     "  Interface            " MAC_2 "\n"
				     "  Our address          10.10.0.1/24\n");
	setenv("TERM", "vt220", 1);
	setlocale(LC_CTYPE, "C.UTF-8");
	words_language("ko");
	korean = screen_summary(s);
	assert_non_null(strstr(korean, "역할                   프로비저너\n"));
	assert_non_null(strstr(korean, "호스트 이름            rack-1\n"));
}

static void test_summary_has_no_secrets(void **state)
{
	struct screens *s = *state;
	_cleanup_free_ char *text = NULL;

	set(s, SCREEN_HOST, 0, "rack-1");
	set(s, SCREEN_PASSWORD, 0, PASSWORD);
	text = screen_summary(s);
	assert_non_null(strstr(text, "rack-1"));
	assert_null(strstr(text, "horse"));
}

static void test_korean(void **state)
{
	setenv("TERM", "linux", 1);
	setlocale(LC_CTYPE, "C.UTF-8");
	words_language("ko");
	assert_string_equal(tr("Next"), "Next");
	setenv("TERM", "vt220", 1);
	words_language("ko");
	assert_string_equal(tr("Next"), "다음");
	assert_string_equal(tr("not in the table"), "not in the table");
	for (unsigned id = 0; id < SCREEN_COUNT; id++) {
		assert_string_not_equal(tr(screen_get((enum screen_id)id)->title),
					screen_get((enum screen_id)id)->title);
		assert_string_not_equal(tr(screen_get((enum screen_id)id)->text), screen_get((enum screen_id)id)->text);
	}
	words_language("en");
}

/* The conversions of a format in their order: "%s%.60s%zu". No translation numbers its arguments so far. */
static char *conversions(const char *format)
{
	struct strbuf text = { 0 };

	for (const char *p = format; (p = strchr(p, '%')); p++) {
		size_t len = strspn(p + 1, ".*0123456789z") + 2;

		assert_null(memchr(p, '$', len));
		strbuf_add(&text, p, len);
		p += len - 1;
	}
	return text.len ? strbuf_take(&text) : xstrdup("");
}

/* A refusal's format is translated as such: other arguments would be read from elsewhere. */
static void test_translated_formats(void **state)
{
	const struct words_pair *pair;
	unsigned formats = 0;

	for (size_t i = 0; (pair = words_at(i)); i++) {
		_cleanup_free_ char *english = conversions(pair->english), *korean = conversions(pair->korean);

		assert_string_equal(english, korean);
		formats += *english != '\0';
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(words_at(k)->english, pair->english);
	}
	assert_true(formats > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* What was said for one role does not stand in the way of another, and is there again for who only tried that one. */
static void test_role_changes(void **state)
{
	static const char token[] =
		"join_AQoKAAEg_B-QT25lCgscLT5PWmt8jZ6vsMHS4_QFFic4SaW2x9jp-gsAAQIDBAUGBwgJCgsMDQ4PbsKu";
	struct screens *s = *state;
	_cleanup_free_ char *summary = NULL;

	set(s, SCREEN_PROV, 0, "10.10.0.1/24");
	set(s, SCREEN_PROV, 1, "10.10.0.9");
	set(s, SCREEN_PROV, 2, "10.10.0.99");
	set(s, SCREEN_PASSWORD, 0, PASSWORD);
	set(s, SCREEN_PASSWORD, 1, PASSWORD);
	set(s, SCREEN_ROLE, 0, "node");
	for (unsigned i = 0; i < screen_get(SCREEN_PROV)->row_count; i++)
		assert_agreed(s, screen_get(SCREEN_PROV)->rows[i].answer, NULL);
	assert_agreed(s, ANSWER_ADMIN_PASSWORD, NULL);
	assert_wrong(s, SCREEN_JOIN, "is missing");
	set(s, SCREEN_JOIN, 0, "join_AQoKAAEg");
	assert_wrong(s, SCREEN_JOIN, "join_ and 80 characters");
	set(s, SCREEN_JOIN, 0, token);
	assert_right(s, SCREEN_JOIN);
	set(s, SCREEN_DISKS, 0, "pool");
	assert_int_equal(screen_of(ANSWER_JOIN_TOKEN), SCREEN_JOIN);
	assert_int_equal(screen_of(ANSWER_DISK_WWN), SCREEN_DISK);
	summary = screen_summary(s);
	assert_non_null(strstr(summary, "Its other disks        Give them to the pool"));
	assert_null(strstr(summary, token));
	assert_null(strstr(summary, "10.10.0."));
	set(s, SCREEN_ROLE, 0, "provisioner");
	assert_agreed(s, ANSWER_JOIN_TOKEN, NULL);
	assert_agreed(s, ANSWER_NODE_DISKS, NULL);
	assert_agreed(s, ANSWER_PROV_ADDRESS, "10.10.0.1/24");
	assert_agreed(s, ANSWER_PROV_DHCP_FIRST, "10.10.0.9");
	assert_agreed(s, ANSWER_PROV_DHCP_LAST, "10.10.0.99");
	assert_right(s, SCREEN_PASSWORD);
	assert_agreed(s, ANSWER_ADMIN_PASSWORD, PASSWORD);
	free(summary);
	summary = screen_summary(s);
	assert_null(strstr(summary, "Its other disks"));
	set(s, SCREEN_ROLE, 0, "node");
	assert_agreed(s, ANSWER_JOIN_TOKEN, token);
	assert_agreed(s, ANSWER_NODE_DISKS, "pool");
}

/* The role of a host that is kept counts, and not the one that was chosen; that is there again if the host is not kept. */
static void test_role_of_the_kept(void **state)
{
	struct screens *s = *state;
	char root[] = "/tmp/ingot-screens-XXXXXX";
	_cleanup_free_ char *summary = NULL, *block = NULL, *size = NULL, *serial = NULL, *disk = NULL;

	/* A disk that is found, as a chosen one is. */
	assert_non_null(mkdtemp(root));
	block = xasprintf("%s/sys/block/vda", root);
	size = xasprintf("%s/size", block);
	serial = xasprintf("%s/serial", block);
	disk = xasprintf("%s/dev/vda", root);
	assert_int_equal(mkdir_p(block, 0755), 0);
	assert_int_equal(write_file_atomic(size, "16777216\n", 9, 0644), 0);
	assert_int_equal(write_file_atomic(serial, "a\n", 2, 0644), 0);
	s->machine.sysroot = root;
	str_set(&s->machine.disks.disks[0].path, disk);
	s->machine.contents[0].host = true;
	s->machine.contents[0].role = xstrdup("provisioner");

	set(s, SCREEN_ROLE, 0, "node");
	set(s, SCREEN_DISK, 0, "a");
	set(s, SCREEN_STATE, 0, "keep");
	assert_agreed(s, ANSWER_ROLE, "provisioner");
	summary = screen_summary(s);
	assert_non_null(strstr(summary, "Role                   Provisioner\n"));
	/* It is gone meanwhile: that is no reason to erase. */
	s->machine.contents[0].host = false;
	assert_agreed(s, ANSWER_DISK_STATE, "keep");
	s->machine.contents[0].host = true;
	set(s, SCREEN_STATE, 0, "new");
	assert_agreed(s, ANSWER_ROLE, "node");
	s->machine.sysroot = "/nonexistent";
	assert_true(remove(size) == 0 && remove(serial) == 0);
	for (; strlen(block) >= strlen(root); *strrchr(block, '/') = '\0')
		assert_int_equal(rmdir(block), 0);
}

/* What is kept is neither asked nor shown nor missed; what had been answered is there again once nothing is kept. */
static void test_kept_state_asks_nothing(void **state)
{
	struct screens *s = *state;
	_cleanup_free_ char *kept = NULL, *fresh = NULL;

	set(s, SCREEN_DISK, 0, "a");
	set(s, SCREEN_ERASE, 0, "a");
	set(s, SCREEN_HOST, 0, "rack-1");
	set(s, SCREEN_TIME, 0, "Mars/Base");
	assert_wrong(s, SCREEN_TIME, "Mars/Base");
	set(s, SCREEN_STATE, 0, "keep");
	assert_int_equal(screen_next(s, SCREEN_ERASE), SCREEN_SUMMARY);
	assert_int_equal(screen_back(s, SCREEN_SUMMARY), SCREEN_ERASE);
	for (unsigned id = SCREEN_DISKS; id < SCREEN_SUMMARY; id++)
		assert_right(s, (enum screen_id)id);
	kept = screen_summary(s);
	assert_null(strstr(kept, "rack-1"));
	assert_null(strstr(kept, "etwork"));
	assert_null(strstr(kept, "Time"));
	set(s, SCREEN_STATE, 0, "new");
	assert_wrong(s, SCREEN_TIME, "Mars/Base");
	fresh = screen_summary(s);
	assert_non_null(strstr(fresh, "rack-1"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_table),
		TEST(test_there_and_back),
		TEST(test_each_judges_its_own),
		TEST(test_permission_is_for_one_disk),
		TEST(test_one_port_or_a_bond),
		TEST(test_to_dhcp_and_back),
		TEST(test_lists),
		TEST(test_no_disk_to_choose),
		TEST(test_disks_of_one_serial_number),
		TEST(test_summary_is_for_people),
		TEST(test_summary_has_no_secrets),
		TEST(test_role_changes),
		TEST(test_role_of_the_kept),
		TEST(test_kept_state_asks_nothing),
		TEST(test_korean),
		TEST(test_translated_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
