/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's Ceph part, as far as it needs no cluster: orders, texts (golden files: INGOT_REGENERATE=1 writes them anew),
 * what may be done to a disk, admin sockets. Run from the top folder. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "golden.h"
#include "ceph/ceph_node_priv.h"

#define FSID "0ecbce6e-ff21-4336-8da5-5dba0fd4b82d"
#define OSD_UUID "cda20b6b-68d1-4123-a6ac-f81959b631f0"
#define KEY "AQBUWAFrnmktLhAAPb1dr5/TLSjmmmjhw/bTow=="

static json_t *whole_order(void)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s}, s:[{s:i, s:s, s:s, s:{s:n, s:s}, s:I},"
			 " {s:i, s:s, s:s, s:{s:s}, s:I}], s:{s:s, s:s}}",
			 "fsid", FSID, "mon_host", "[v2:10.77.0.150:3300]", "mon", "name", "node1", "address",
			 "10.77.0.150", "key", KEY, "admin_key", KEY, "mgr", "name", "node1", "key", KEY, "osds", "id",
			 0, "uuid", OSD_UUID, "key", KEY, "disk", "wwn", "serial", "S1", "memory_bytes",
			 (json_int_t)(900 * MIB), "id", 3, "uuid", FSID, "key", KEY, "disk", "wwn", "naa.5000c500",
			 "memory_bytes", (json_int_t)(4 * GIB), "client", "name", "client.ingot", "key", KEY);
}

static void test_order(void **state)
{
	_cleanup_json_ json_t *json = whole_order();
	_cleanup_err_ struct err err = ERR_INIT;
	struct ceph_order order;

	assert_int_equal(ceph_order_parse(json, &order, &err), 0);
	assert_string_equal(order.mon.address, "10.77.0.150");
	assert_string_equal(order.client.name, "client.ingot");
	assert_int_equal(order.osd_count, 2);
	assert_null(order.osds[0].wwn);
	assert_string_equal(order.osds[0].serial, "S1");
	assert_string_equal(order.osds[1].wwn, "naa.5000c500");
	assert_int_equal(order.osds[1].id, 3);
}

/* A node without a monitor, manager or client, as null or as nothing. */
static void test_order_of_little(void **state)
{
	_cleanup_json_ json_t *json =
		json_pack("{s:s, s:s, s:n}", "fsid", FSID, "mon_host", "[v2:[fd00::1]:3300]", "mon");
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *address = NULL;
	struct ceph_order order;

	assert_int_equal(ceph_order_parse(json, &order, &err), 0);
	assert_null(order.mon.name);
	assert_null(order.mgr.name);
	assert_null(order.client.name);
	assert_int_equal(order.osd_count, 0);
	address = ceph_order_mon_address(&order);
	assert_string_equal(address, "fd00::1");
}

static void assert_refused(const char *object, const char *key, json_t *value, const char *field)
{
	_cleanup_json_ json_t *json = whole_order();
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *where = json;
	struct ceph_order order;

	if (str_equal(object, "osds"))
		where = json_array_get(json_object_get(json, "osds"), 1);
	else if (object)
		where = json_object_get(json, object);
	json_object_set_new(where, key, value);
	assert_true(ceph_order_parse(json, &order, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, field);
}

/* Names become paths and lines of configuration: what could leave either is refused. */
static void test_orders_refused(void **state)
{
	assert_refused(NULL, "fsid", json_string("nonsense"), "ceph.fsid");
	assert_refused(NULL, "fsid", json_null(), "ceph.fsid");
	assert_refused(NULL, "mon_host", json_string("[v2:10.0.0.1:3300]\nkeyring = /tmp/x"), "ceph.mon_host");
	assert_refused("mon", "name", json_string("../../etc"), "ceph.mon.name");
	assert_refused("mon", "name", json_string(".."), "ceph.mon.name");
	assert_refused("mon", "key", json_string("[abc"), "ceph.mon.key");
	assert_refused("mgr", "key", json_string(""), "ceph.mgr.key");
	assert_refused("osds", "id", json_integer(-1), "ceph.osds.id");
	assert_refused("osds", "id", json_string("3"), "ceph.osds.id");
	assert_refused("osds", "uuid", json_string("123"), "ceph.osds.uuid");
	assert_refused("osds", "disk", json_object(), "ceph.osds.disk");
	assert_refused("client", "name", json_string("client.a b"), "ceph.client.name");
}

static void test_texts(void **state)
{
	_cleanup_json_ json_t *json = whole_order();
	struct ceph_order order;
	const struct ceph_text_host small = { .public_address = "10.77.0.151",
					      .memory_bytes = 2 * GIB,
					      .journal = true };
	const struct ceph_text_host large = { .memory_bytes = 256 * GIB };

	assert_int_equal(ceph_order_parse(json, &order, NULL), 0);
	_cleanup_free_ char *small_text = ceph_text_conf(&order, &small), *large_text = ceph_text_conf(&order, &large);
	_cleanup_free_ char *keyring = ceph_text_keyring("client.ingot", KEY), *mon = ceph_text_mon_keyring(&order);
	assert_golden("ceph/small.conf", small_text);
	assert_golden("ceph/large.conf", large_text);
	assert_golden("ceph/client.keyring", keyring);
	assert_golden("ceph/mon.keyring", mon);
}

/* ---- disks ---- */

static void assert_verdict(enum disk_verdict expected, const char *signatures, const char *table, const char *what)
{
	_cleanup_json_ json_t *s = json_loads(signatures, 0, NULL), *t = table ? json_loads(table, 0, NULL) : NULL;
	_cleanup_free_ char *found = NULL;

	assert_non_null(s);
	assert_int_equal(ceph_disk_judge(s, t, OSD_UUID, &found), expected);
	if (what)
		assert_string_equal(found, what);
	else
		assert_null(found);
}

#define GPT "{\"signatures\": [{\"device\": \"vdb\", \"type\": \"gpt\"}, {\"device\": \"vdb\", \"type\": \"PMBR\"}]}"
#define TABLE(partitions) "{\"partitiontable\": {\"label\": \"gpt\", \"partitions\": [" partitions "]}}"
#define OURS "{\"node\": \"/dev/vdb1\", \"uuid\": \"CDA20B6B-68D1-4123-A6AC-F81959B631F0\", \"name\": \"ingot-osd\"}"

static void test_disks(void **state)
{
	assert_verdict(DISK_BLANK, "{}", NULL, NULL);
	assert_verdict(DISK_BLANK, "{\"signatures\": []}", NULL, NULL);
	assert_verdict(DISK_OURS, GPT, TABLE(OURS), NULL);
	assert_verdict(DISK_FOREIGN, "{\"signatures\": [{\"type\": \"ext4\", \"label\": \"payroll\"}]}", NULL,
		       "ext4 labelled payroll");
	assert_verdict(DISK_FOREIGN, "{\"signatures\": [{\"type\": \"LVM2_member\", \"label\": null}]}", NULL,
		       "LVM2_member");
	/* A table without partitions is still a table that somebody made. */
	assert_verdict(DISK_FOREIGN, GPT, TABLE(""), "gpt, PMBR");
	assert_verdict(DISK_FOREIGN, GPT, TABLE(OURS ", {\"node\": \"/dev/vdb2\"}"),
		       "gpt, PMBR, partition /dev/vdb1 named ingot-osd, partition /dev/vdb2");
	assert_verdict(DISK_FOREIGN, GPT,
		       TABLE("{\"node\": \"/dev/vdb1\", \"uuid\": \"" FSID "\", \"name\": \"ingot-osd\"}"),
		       "gpt, PMBR, partition /dev/vdb1 named ingot-osd");
	assert_verdict(DISK_FOREIGN, GPT,
		       TABLE("{\"node\": \"/dev/vdb1\", \"uuid\": \"" OSD_UUID "\", \"name\": \"data\"}"),
		       "gpt, PMBR, partition /dev/vdb1 named data");
}

/* ---- admin sockets ---- */

struct server {
	int fd;
	const char *answer;
	size_t len;
	char question[256];
};

static void *serve(void *data)
{
	struct server *server = data;
	_cleanup_close_ int fd = accept(server->fd, NULL, NULL);
	ssize_t n = read(fd, server->question, sizeof(server->question) - 1);
	uint32_t len = htonl((uint32_t)server->len);

	if (n > 0 && server->answer)
		(void)!(send(fd, &len, sizeof(len), MSG_NOSIGNAL) +
			send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL));
	/* Without an answer: until the other side gives up. */
	while (!server->answer && read(fd, &len, sizeof(len)) > 0)
		;
	return NULL;
}

static int ask(const char *answer, size_t len, int64_t deadline_ms, json_t **ret, char question[256])
{
	char dir[] = "/tmp/ingot-unit-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct server server = { .fd = socket(AF_UNIX, SOCK_STREAM, 0), .answer = answer, .len = len };
	pthread_t thread;
	int r;

	assert_non_null(mkdtemp(dir));
	_cleanup_free_ char *path = xasprintf("%s/asok", dir);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	assert_int_equal(ceph_asok(path, "status", 1000, ret), -ENOENT);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(ceph_asok(path, "status", 1000, ret), -ECONNREFUSED);
	assert_int_equal(listen(server.fd, 1), 0);
	pthread_create(&thread, NULL, serve, &server);
	r = ceph_asok(path, "status", deadline_ms, ret);
	pthread_join(thread, NULL);
	close(server.fd);
	unlink(path);
	rmdir(dir);
	memcpy(question, server.question, sizeof(server.question));
	return r;
}

static void test_asok(void **state)
{
	static const char answer[] = "{\"state\": \"active\", \"whoami\": 3}";
	_cleanup_json_ json_t *json = NULL;
	char question[256];

	assert_int_equal(ask(answer, strlen(answer), 5000, &json, question), 0);
	assert_string_equal(json_string_value(json_object_get(json, "state")), "active");
	assert_string_equal(question, "{\"prefix\": \"status\", \"format\": \"json\"}");
}

static void test_asok_bad(void **state)
{
	json_t *json = NULL;
	char question[256];

	assert_int_equal(ask("no JSON", 7, 5000, &json, question), -EPROTO);
	/* Says it will send more than it does. */
	assert_int_equal(ask("{}", 100, 5000, &json, question), -EPROTO);
	assert_int_equal(ask("{}", 100 * MIB, 5000, &json, question), -EPROTO);
	assert_int_equal(ask(NULL, 0, 50, &json, question), -ETIMEDOUT);
	assert_null(json);
}

/* ---- services ---- */

static void test_systemd_states(void **state)
{
	static const struct {
		const char *text;
		enum daemon_state state;
		const char *why;
	} cases[] = {
		{ "ActiveState=active\nSubState=running\nResult=success\n", DAEMON_RUNNING, NULL },
		{ "Result=success\nActiveState=inactive\nSubState=dead\n", DAEMON_STOPPED, NULL },
		{ "ActiveState=activating\nSubState=start\nResult=success\n", DAEMON_STARTING, NULL },
		{ "ActiveState=activating\nSubState=auto-restart\nResult=exit-code\n", DAEMON_FAILED,
		  "systemd says exit-code" },
		{ "ActiveState=failed\nSubState=failed\nResult=signal", DAEMON_FAILED, "systemd says signal" },
		{ "", DAEMON_STOPPED, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(daemon_state_parse(cases[i].text, &why), cases[i].state);
		assert_true(str_equal(why, cases[i].why));
	}
}

/* A pid file with the number of a process that is another program. */
static void test_direct_states(void **state)
{
	char path[] = "/tmp/ingot-unit-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	_cleanup_free_ char *text = xasprintf("%d\n", getpid()), *why = NULL, *name = NULL;
	const char *others[] = { "ceph-osd", "--id", "0", NULL };
	const char *ours[] = { NULL, NULL };
	struct daemon daemon = { .name = "x", .argv = others, .pid_file = path };
	enum daemon_state is = DAEMON_FAILED;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(daemon_driver_direct.state(&daemon, &is, &why, NULL), 0);
	assert_int_equal(is, DAEMON_STOPPED);
	assert_int_equal(read_file("/proc/self/cmdline", 4096, &name, NULL), 0);
	ours[0] = name;
	daemon.argv = ours;
	assert_int_equal(daemon_driver_direct.state(&daemon, &is, &why, NULL), 0);
	assert_int_equal(is, DAEMON_RUNNING);
	unlink(path);
	assert_int_equal(daemon_driver_direct.state(&daemon, &is, &why, NULL), 0);
	assert_int_equal(is, DAEMON_STOPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	       cmocka_unit_test(test_order_of_little),
		cmocka_unit_test(test_orders_refused), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_disks),	       cmocka_unit_test(test_asok),
		cmocka_unit_test(test_asok_bad),       cmocka_unit_test(test_systemd_states),
		cmocka_unit_test(test_direct_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
