/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole installations: the real part, run by the real core, on a sparse file, from a bundle served over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bundle/bundle.h"
#include "cmd/cmd.h"
#include "core/converge.h"
#include "http/http_server.h"
#include "install/esp.h"
#include "install/install.h"
#include "install/layout.h"
#include "install/write.h"

#define DISK_BYTES (8 * GIB)
#define ROOT_BYTES ((size_t)(5 * MIB + 4096))
#define DEADLINE_MS 120000
#define CA "-----BEGIN CERTIFICATE-----\nnone\n"

static struct {
	char dir[64];
	struct loop *loop;
	struct http_server *server;
	struct converge *converge;
	char *key_pem, *public_pem, *bundle;
	size_t bundle_len;
	unsigned downloads;
	int answer_status; /* 0: as it should */
	bool stall;
	struct http_request *stalled;
	json_t *report; /* the last */
	struct strbuf steps;
	bool quit_at_end;
} world;

/* A disk that does not keep what it was given: whoever reads this byte of a disk gets another. What is that large is one. */
static int64_t corrupt_at = -1;

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	ssize_t (*real)(int, void *, size_t, off_t) = NULL;
	struct stat st;
	ssize_t n;

	*(void **)&real = dlsym(RTLD_NEXT, "pread");
	n = real(fd, data, len, offset);
	if (corrupt_at >= offset && corrupt_at < offset + n && fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_size == DISK_BYTES)
		((uint8_t *)data)[corrupt_at - offset] ^= 1;
	return n;
}

/* A disk that cannot write this byte. */
static int64_t bad_at = -1;

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off_t) = NULL;
	struct stat st;

	if (bad_at >= offset && bad_at < offset + (off_t)len && fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_size == DISK_BYTES) {
		errno = EIO;
		return -1;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	return real(fd, data, len, offset);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static char *in_dir(const char *name)
{
	return xasprintf("%s/%s", world.dir, name);
}

static void write_file(const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = in_dir(name);
	_cleanup_free_ char *folder = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(path, data, len, 0644), 0);
}

/* ---- the machine ---- */

static void make_disk(const char *name, const char *serial, uint64_t size)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", world.dir, name), *dev = in_dir("dev");
	_cleanup_free_ char *size_file = xasprintf("sys/block/%s/size", name);
	_cleanup_free_ char *serial_file = xasprintf("sys/block/%s/serial", name);
	_cleanup_free_ char *sectors = xasprintf("%ju", (uintmax_t)(size / 512));
	int fd;

	assert_int_equal(mkdir_p(dev, 0755), 0);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
	write_file(size_file, sectors, strlen(sectors));
	write_file(serial_file, serial, strlen(serial));
}

static struct held_disk look_at_disk(void)
{
	_cleanup_free_ char *path = in_dir("dev/vda");
	struct held_disk disk = HELD_DISK_NONE;

	assert_int_equal(held_disk_look(path, false, &disk, NULL), 0);
	return disk;
}

static bool disk_untouched(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", world.dir, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_blocks == 0;
}

/* ---- the bundle ---- */

static void make_parts(void)
{
	static const uint8_t list[12] = { 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0x20, 0x08 };
	_cleanup_free_ uint8_t *data = xmalloc(ROOT_BYTES);

	random_bytes(data, ROOT_BYTES);
	write_file("kernel", data, 300000);
	write_file("initrd", data + 1000, 700000);
	write_file("efi-shim", data + 2000, 40000);
	write_file("efi-keys", data + 3000, 30000);
	write_file("efi-loader", data + 4000, 50000);
	write_file("efi-chain", data + 5000, 20000);
	memcpy(data + 500, list, sizeof(list));
	write_file("bios-core", data, 3000);
	data[0] = data[0x66] = 0xeb;
	data[510] = 0x55;
	data[511] = 0xaa;
	write_file("bios-boot", data, 512);
	/* The root has a hole. */
	memset(data + 2 * MIB, 0, MIB);
	write_file("root", data, ROOT_BYTES);
}

/* Of all parts but one, of a type; -1: of all. */
static void make_bundle(int without)
{
	struct bundle_source sources[BUNDLE_PART_TYPE_COUNT];
	char *paths[BUNDLE_PART_TYPE_COUNT];
	_cleanup_free_ char *out = in_dir("host.tar");
	_cleanup_err_ struct err err = ERR_INIT;
	unsigned count = 0;

	for (unsigned i = 0; i < BUNDLE_PART_TYPE_COUNT; i++) {
		paths[i] = in_dir(bundle_part_type_name(i));
		if ((int)i != without)
			sources[count++] = (struct bundle_source){ paths[i], i };
	}
	if (bundle_create(out, "host", "1.2", world.key_pem, sources, count, &err) < 0)
		fail_msg("%s", err.text);
	for (unsigned i = 0; i < BUNDLE_PART_TYPE_COUNT; i++)
		free(paths[i]);
	free(world.bundle);
	assert_int_equal(read_file(out, 64 * MIB, &world.bundle, &world.bundle_len), 0);
}

static void handle_bundle(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;

	world.downloads++;
	if (world.stall) {
		world.stalled = request;
		return;
	}
	if (world.answer_status == 404) {
		err_set(&err, ERR_NOT_FOUND, "no such bundle");
		http_answer_problem(request, &err);
		return;
	}
	http_answer_data(request, 200, "application/x-tar", world.bundle, world.bundle_len, NULL);
}

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/bundle/host.tar", .handler = handle_bundle },
	{ .method = NULL },
};

/* ---- running ---- */

static const char *report_text(const char *key)
{
	return json_string_value(json_object_get(world.report, key));
}

/* Plays the session: takes every report and acknowledges it at once. */
static void report_changed(void *data)
{
	json_t *sections = json_object(), *report;

	converge_collect(world.converge, false, sections);
	converge_acknowledged(world.converge);
	report = json_object_get(sections, "install");
	if (report) {
		const char *step = json_string_value(json_object_get(report, "step"));

		if (!world.report || !str_equal(step, report_text("step")))
			strbuf_addf(&world.steps, "%s ", step);
		json_decref(world.report);
		world.report = json_incref(report);
		assert_in_range(json_integer_value(json_object_get(report, "progress")), 0, 100);
	}
	json_decref(sections);
	if (world.quit_at_end &&
	    (str_equal(report_text("state"), "written") || str_equal(report_text("state"), "failed")))
		loop_quit(world.loop, 0);
}

static json_t *make_order(const char *id)
{
	return json_pack("{s:s, s:{s:n, s:s, s:I}, s:{s:o, s:s, s:s},"
			 " s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}, s:s, s:n}",
			 "id", id, "disk", "wwn", "serial", "disk-a", "size_bytes", (json_int_t)DISK_BYTES, "bundle",
			 "url", json_sprintf("http://127.0.0.1:%u/bundle/host.tar", http_server_port(world.server)),
			 "key", world.public_pem, "version", "1.2", "host", "name", "node-1", "machine", "m-1", "mac",
			 "52:54:00:00:00:01", "address", "10.0.0.11/24", "gateway", "10.0.0.1", "server",
			 "10.0.0.1:8444", "ca", CA, "token", "enroll_abc", "console", "ttyS0", "boot");
}

static void too_late(void *data)
{
	loop_quit(world.loop, 1);
}

/* Desires the order (stolen) and waits for its end. */
static void install(json_t *order)
{
	struct loop_timer *timer = loop_timer_new(world.loop, DEADLINE_MS, too_late, NULL);
	json_t *document = json_pack("{s:o}", "install", order);

	json_decref(world.report);
	world.report = NULL;
	strbuf_done(&world.steps);
	world.quit_at_end = true;
	converge_desired(world.converge, document);
	json_decref(document);
	if (loop_run(world.loop) != 0)
		fail_msg("it does not end");
	loop_timer_free(timer);
}

static void assert_written(void)
{
	json_t *error = json_object_get(world.report, "error");

	if (!str_equal(report_text("state"), "written"))
		fail_msg("%s: %s", report_text("step"), json_string_value(json_object_get(error, "text")));
	assert_true(json_is_null(error));
}

static void assert_failed(const char *step, enum err_code code, const char *words)
{
	json_t *error = json_object_get(world.report, "error");
	const char *text = json_string_value(json_object_get(error, "text"));

	assert_string_equal(report_text("state"), "failed");
	assert_non_null(text);
	if (!str_equal(report_text("step"), step) || !strstr(text, words))
		fail_msg("%s: %s", report_text("step"), text);
	assert_string_equal(json_string_value(json_object_get(error, "code")), err_meaning(code)->name);
}

static int set_up(void **state)
{
	static const struct part *const parts[] = { &install_part, NULL };
	_cleanup_err_ struct err err = ERR_INIT;

	memset(&world, 0, sizeof(world));
	log_set_quiet(true);
	strncpy(world.dir, "/tmp/ingot-test-install-XXXXXX", sizeof(world.dir) - 1);
	assert_non_null(mkdtemp(world.dir));
	world.loop = loop_new(2);
	assert_int_equal(ed25519_keygen(&world.key_pem, &world.public_pem, NULL), 0);
	make_parts();
	make_bundle(-1);
	make_disk("vda", "disk-a", DISK_BYTES);
	make_disk("vdb", "disk-b", DISK_BYTES);
	if (http_server_new(
		    &(struct http_server_spec){
			    .loop = world.loop, .routes = routes, .address = "127.0.0.1", .listen_fd = -1 },
		    &world.server, &err) < 0 ||
	    converge_new(&(struct converge_spec){ .loop = world.loop,
						  .parts = parts,
						  .mode = PART_LIVE,
						  .sysroot = world.dir,
						  .prefix = world.dir,
						  .changed = report_changed },
			 &world.converge, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static void stopped(void *data)
{
	loop_quit(world.loop, 0);
}

static void stop(void *data)
{
	world.quit_at_end = false;
	converge_stop(world.converge, stopped, NULL);
}

static int tear_down(void **state)
{
	struct loop_timer *timer = loop_timer_new(world.loop, DEADLINE_MS, too_late, NULL);

	loop_timer_new(world.loop, 0, stop, NULL);
	if (loop_run(world.loop) != 0)
		return -1;
	loop_timer_free(timer);
	http_server_free(world.server);
	converge_free(world.converge);
	loop_free(world.loop);
	json_decref(world.report);
	strbuf_done(&world.steps);
	free(world.bundle);
	free(world.key_pem);
	free(world.public_pem);
	nftw(world.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* ---- what is on the disk ---- */

static void assert_on_disk(uint64_t offset, const char *part)
{
	_cleanup_free_ char *disk = in_dir("dev/vda"), *path = in_dir(part), *should = NULL, *is = NULL;
	_cleanup_close_ int fd = open(disk, O_RDONLY | O_CLOEXEC);
	size_t len;

	assert_int_equal(read_file(path, 64 * MIB, &should, &len), 0);
	is = xmalloc(len);
	assert_int_equal(pread(fd, is, len, (off_t)offset), len);
	assert_memory_equal(is, should, len);
}

static char *from_esp(const struct esp *esp, const char *path, size_t *ret_len)
{
	_cleanup_free_ char *out = in_dir("out");
	char *data;
	int fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(esp_get(esp, path, fd, NULL), 0);
	close(fd);
	assert_int_equal(read_file(out, 64 * MIB, &data, ret_len), 0);
	return data;
}

static void assert_on_esp(const struct esp *esp, const char *path, const char *part)
{
	_cleanup_free_ char *is = NULL, *should = NULL, *from = in_dir(part);
	size_t is_len, should_len;

	is = from_esp(esp, path, &is_len);
	assert_int_equal(read_file(from, 64 * MIB, &should, &should_len), 0);
	assert_int_equal(is_len, should_len);
	assert_memory_equal(is, should, is_len);
}

/* What debugfs(8) says about the state partition. */
static char *ask_state(const struct layout *layout, const char *request)
{
	_cleanup_free_ char *device = xasprintf("%s/dev/vda?offset=%ju", world.dir,
						(uintmax_t)layout->partitions[PARTITION_STATE].offset_bytes);
	char *out = NULL;

	assert_int_equal(cmd_outputl(NULL, 60000, &out, "debugfs", "-R", request, device, NULL), 0);
	return out;
}

static void assert_state(const struct layout *layout)
{
	_cleanup_free_ char *network = ask_state(layout, "cat /etc/systemd/network/10-ingot.network");
	_cleanup_free_ char *hostname = ask_state(layout, "cat /etc/hostname");
	_cleanup_free_ char *identity = ask_state(layout, "cat /var/lib/ingot/agent/identity.json");
	_cleanup_free_ char *mode = ask_state(layout, "stat /var/lib/ingot/agent/identity.json");
	_cleanup_free_ char *work = ask_state(layout, "stat /etc.work");
	json_t *json = json_loads(identity, 0, NULL);
	json_t *expected = json_pack("{s:s, s:s, s:s, s:s, s:s}", "server", "10.0.0.1:8444", "ca", CA, "machine", "m-1",
				     "name", "node-1", "token", "enroll_abc");

	assert_true(json_equal(json, expected));
	json_decref(json);
	json_decref(expected);
	assert_string_equal(hostname, "node-1\n");
	assert_string_equal(network, "[Match]\nMACAddress=52:54:00:00:00:01\n\n"
				     "[Network]\nAddress=10.0.0.11/24\nGateway=10.0.0.1\n");
	assert_non_null(strstr(mode, "Mode:  0600"));
	assert_non_null(strstr(work, "Type: directory"));
}

static void assert_bootable(bool bootable)
{
	_cleanup_free_ char *disk = in_dir("dev/vda");
	_cleanup_close_ int fd = open(disk, O_RDONLY | O_CLOEXEC);
	char first;

	assert_int_equal(pread(fd, &first, 1, 0), 1);
	assert_int_equal(first != 0, bootable);
}

/* ---- tests ---- */

static void test_whole(void **state)
{
	_cleanup_free_ char *config = NULL, *signpost = NULL, *work = in_dir("run/ingot/install/root");
	_cleanup_held_disk_ struct held_disk disk = look_at_disk();
	_cleanup_free_ char *identity = in_dir("run/ingot/install/state");
	struct layout layout;
	struct esp esp = { &disk, &layout, world.dir };
	size_t len;

	install(make_order("i-1"));
	assert_written();
	assert_string_equal(world.steps.data, "check partition write verify identity loader ");
	assert_int_equal(json_integer_value(json_object_get(world.report, "bytes")), ROOT_BYTES);
	assert_int_equal(layout_read(&disk, &layout, NULL), 0);
	assert_on_disk(layout.partitions[PARTITION_ROOT_A].offset_bytes, "root");
	assert_on_esp(&esp, "/ingot/a/vmlinuz", "kernel");
	assert_on_esp(&esp, "/ingot/a/initrd", "initrd");
	assert_on_esp(&esp, "/EFI/BOOT/BOOTX64.EFI", "efi-shim");
	assert_on_esp(&esp, "/EFI/BOOT/mmx64.efi", "efi-keys");
	assert_on_esp(&esp, "/EFI/BOOT/grubx64.efi", "efi-loader");
	assert_on_esp(&esp, "/EFI/ingot/grubx64.efi", "efi-chain");
	signpost = from_esp(&esp, "/EFI/debian/grub.cfg", &len);
	assert_non_null(strstr(signpost, "configfile ($root)/grub/grub.cfg\n"));
	config = from_esp(&esp, "/grub/grub.cfg", &len);
	assert_non_null(strstr(config, layout.partitions[PARTITION_ROOT_A].uuid));
	assert_non_null(strstr(config, "systemd.hostname=node-1 console=ttyS0\n"));
	assert_state(&layout);
	assert_bootable(true);
	assert_true(disk_untouched("vdb"));
	/* Nothing stays behind, least of all the token. */
	assert_int_equal(access(work, F_OK), -1);
	assert_int_equal(access(identity, F_OK), -1);
}

static void test_is_carried_out_once(void **state)
{
	json_t *order = make_order("i-1");

	install(json_deep_copy(order));
	assert_written();
	assert_int_equal(world.downloads, 1);
	/* The order is told to boot: this machine is a test and does not, but it got there without a second download. */
	json_object_set_new(order, "boot", json_string("reboot"));
	install(order);
	assert_failed("boot", ERR_UNSUPPORTED, "--prefix");
	assert_int_equal(world.downloads, 1);
}

static void test_altered_bundle(void **state)
{
	/* In the middle; in the last block, when all else is on the disk already. */
	static const size_t places[] = { 4 * MIB, ROOT_BYTES - 4096 };
	_cleanup_free_ char *path = in_dir("root"), *root = NULL;
	size_t root_len;

	assert_int_equal(read_file(path, 64 * MIB, &root, &root_len), 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *found = memmem(world.bundle, world.bundle_len, root + places[i], 4096);
		_cleanup_free_ char *id = xasprintf("i-altered-%zu", i);

		assert_non_null(found);
		found[4095] ^= 1;
		install(make_order(id));
		assert_failed("write", ERR_CORRUPT, "part root.squashfs has the SHA-256");
		assert_bootable(false);
		found[4095] ^= 1;
	}
	/* Another try, of another order, with a sound bundle, works on the same disk. */
	install(make_order("i-2"));
	assert_written();
	assert_string_equal(report_text("id"), "i-2");
	assert_bootable(true);
}

static void test_disk_that_cannot_write(void **state)
{
	_cleanup_free_ char *words = NULL;
	struct layout layout;
	uint64_t root;

	assert_int_equal(layout_plan(DISK_BYTES, 512, &layout, NULL), 0);
	root = layout.partitions[PARTITION_ROOT_A].offset_bytes;
	words = xasprintf("/dev/vda (serial disk-a): writing 1048576 bytes at %ju: Input/output error",
			  (uintmax_t)(root + 3 * MIB));
	bad_at = (int64_t)(root + 3 * MIB + 5000);
	install(make_order("i-1"));
	bad_at = -1;
	assert_failed("write", ERR_INTERNAL, words);
	assert_bootable(false);
	install(make_order("i-2"));
	assert_written();
}

static void test_disk_that_does_not_keep(void **state)
{
	struct layout layout;

	assert_int_equal(layout_plan(DISK_BYTES, 512, &layout, NULL), 0);
	const struct {
		uint64_t at;
		const char *step, *words;
	} places[] = {
		{ 446 + 4, "partition", "the protective MBR" },
		{ 512 + 60, "partition", "the partition table at the beginning: the header's checksum" },
		{ 1024 + 128 * 2 + 60, "partition", "the partition table at the beginning: the entries' checksum" },
		{ DISK_BYTES - 512 + 3, "partition", "the partition table at the end: there is no signature" },
		{ DISK_BYTES - 33 * 512 + 128 * 100, "partition",
		  "the partition table at the end: the entries' checksum" },
		{ layout.partitions[PARTITION_ROOT_A].offset_bytes + 4 * MIB, "verify", "part root.squashfs" },
		{ layout.partitions[PARTITION_BIOS].offset_bytes + 1000, "loader",
		  "GRUB's core image for BIOS, byte 1000 of 3072 (at 1049576 of the disk)" },
		{ 77, "loader", "the boot sector, byte 77 of 512" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *id = xasprintf("i-%zu", i);

		corrupt_at = (int64_t)places[i].at;
		install(make_order(id));
		corrupt_at = -1;
		assert_failed(places[i].step, ERR_CORRUPT,
			      "(serial disk-a) gives back other bytes than were written: ");
		assert_failed(places[i].step, ERR_CORRUPT, places[i].words);
		assert_bootable(false);
	}
	install(make_order("i-sound"));
	assert_written();
}

static void test_refused_before_a_byte_is_written(void **state)
{
	static const struct {
		const char *words;
		enum err_code code;
	} expected[] = {
		{ "signature of the bundle", ERR_CORRUPT },
		{ "the bundle is of version 1.2, version 1.3 was ordered", ERR_INVALID },
		{ "no disk has serial disk-z and 8589934592 bytes; there is ", ERR_NOT_FOUND },
		{ "no disk has serial disk-a and 4096 bytes; there is ", ERR_NOT_FOUND },
		{ "the server answers 404", ERR_NOT_FOUND },
		{ "no part of type efi-loader", ERR_INVALID },
		{ "no part of type efi-shim", ERR_INVALID },
		{ "host.name", ERR_INVALID },
	};
	_cleanup_free_ char *other_key = NULL, *unused = NULL;

	assert_int_equal(ed25519_keygen(&unused, &other_key, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		_cleanup_free_ char *id = xasprintf("i-%zu", i);
		json_t *order = make_order(id);

		if (i == 0)
			json_object_set_new(json_object_get(order, "bundle"), "key", json_string(other_key));
		if (i == 1)
			json_object_set_new(json_object_get(order, "bundle"), "version", json_string("1.3"));
		if (i == 2)
			json_object_set_new(json_object_get(order, "disk"), "serial", json_string("disk-z"));
		if (i == 3)
			json_object_set_new(json_object_get(order, "disk"), "size_bytes", json_integer(4096));
		world.answer_status = i == 4 ? 404 : 0;
		if (i == 5 || i == 6)
			make_bundle(i == 5 ? BUNDLE_EFI_LOADER : BUNDLE_EFI_SHIM);
		if (i == 7)
			json_object_set_new(json_object_get(order, "host"), "name", json_string("a b"));
		install(order);
		assert_failed("check", expected[i].code, expected[i].words);
		assert_string_equal(report_text("id"), id);
		assert_true(disk_untouched("vda"));
	}
}

static void test_disk_too_small(void **state)
{
	json_t *order = make_order("i-1");

	make_disk("vda", "disk-a", 4 * GIB);
	json_object_set_new(json_object_get(order, "disk"), "size_bytes", json_integer(4 * GIB));
	install(order);
	assert_failed("check", ERR_CAPACITY, "the disk has 4294967296 bytes, a host needs at least 7796162560");
	assert_true(disk_untouched("vda"));
	assert_int_equal(world.downloads, 0);
}

static void test_disk_in_use(void **state)
{
	static const char mounts[] = "31 22 254:1 / /srv rw - ext4 /dev/vda1 rw\n";

	write_file("sys/block/vda/vda1/partition", "1", 1);
	write_file("sys/block/vda/vda1/dev", "254:1", 5);
	write_file("proc/self/mountinfo", mounts, sizeof(mounts) - 1);
	install(make_order("i-1"));
	assert_failed("check", ERR_STATE, "vda1 is mounted at /srv");
	assert_true(disk_untouched("vda"));
}

static void stalled_soon(void *data)
{
	json_t *order, *document;

	if (!world.stalled) {
		loop_timer_new(world.loop, 10, stalled_soon, NULL);
		return;
	}
	/* The first order waits for a server that says nothing. Another one comes. */
	world.stall = false;
	order = make_order("i-2");
	document = json_pack("{s:o}", "install", order);
	converge_desired(world.converge, document);
	json_decref(document);
}

static void test_new_order_cancels_the_old(void **state)
{
	world.stall = true;
	loop_timer_new(world.loop, 10, stalled_soon, NULL);
	install(make_order("i-1"));
	assert_written();
	assert_string_equal(report_text("id"), "i-2");
	assert_int_equal(world.downloads, 2);
}

/* ---- without the part: from a file, as the installer on a medium does ---- */

static struct {
	const char *stop_in; /* the step in which the power is cut */
	const char *step;
} cut;

static void note_step(const struct write_status *status, void *ctx)
{
	cut.step = status->step;
}

static bool is_cut(void *ctx)
{
	return str_equal(cut.step, cut.stop_in);
}

static int write_here(const struct host_files *files, bool keep, struct err *err)
{
	_cleanup_free_ char *work = in_dir("run/install"), *bundle = in_dir("host.tar");
	struct write_status status;
	struct write_spec spec = {
		.id = "medium",
		.disk = { .serial = "disk-a" },
		.bundle = { .path = bundle, .key_pem = world.public_pem },
		.name = "rack-1",
		.console = "",
		.files = files,
		.keep_state = keep,
		.sysroot = world.dir,
		.work_dir = work,
		.progress = note_step,
		.withdrawn = is_cut,
	};
	int r = write_host(&spec, &status, err);

	assert_true(r < 0 || (status.total_bytes == ROOT_BYTES && status.bytes == ROOT_BYTES &&
			      status.verified_bytes == ROOT_BYTES));
	write_status_done(&status);
	return r;
}

static void list_files(struct host_files *files, const char *name)
{
	_cleanup_free_ char *large = in_dir("host.tar");

	host_files_text(files, "/etc/hostname", 0644, xasprintf("%s\n", name));
	host_files_link(files, "/etc/localtime", "/usr/share/zoneinfo/Asia/Seoul");
	host_files_folder(files, "/var/lib/ingot/secret", 0700);
	host_files_copy(files, "/var/lib/ingot/images/host.bundle", 0640, large);
}

static void test_from_a_file(void **state)
{
	_cleanup_host_files_ struct host_files files = { 0 };
	_cleanup_held_disk_ struct held_disk disk = look_at_disk();
	_cleanup_free_ char *name = NULL, *link = NULL, *folder = NULL, *mode = NULL, *dump = NULL;
	_cleanup_free_ char *copied = in_dir("copied"), *copy = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct layout layout;
	size_t len;

	cut.stop_in = NULL;
	list_files(&files, "rack-1");
	if (write_here(&files, false, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(write_find_host(&disk, &layout, NULL), 0);
	assert_on_disk(layout.partitions[PARTITION_ROOT_A].offset_bytes, "root");
	name = ask_state(&layout, "cat /etc/hostname");
	assert_string_equal(name, "rack-1\n");
	link = ask_state(&layout, "stat /etc/localtime");
	assert_non_null(strstr(link, "/usr/share/zoneinfo/Asia/Seoul"));
	folder = ask_state(&layout, "stat /var/lib/ingot/secret");
	assert_non_null(strstr(folder, "Mode:  0700"));
	mode = ask_state(&layout, "stat /var/lib/ingot/images/host.bundle");
	assert_non_null(strstr(mode, "Mode:  0640"));
	dump = xasprintf("dump /var/lib/ingot/images/host.bundle %s", copied);
	free(ask_state(&layout, dump));
	assert_int_equal(read_file(copied, 64 * MIB, &copy, &len), 0);
	assert_int_equal(len, world.bundle_len);
	assert_memory_equal(copy, world.bundle, len);
}

/* What the host knows stays, with what is put over it; partitions keep their identity. */
static void test_state_is_kept(void **state)
{
	_cleanup_host_files_ struct host_files first = { 0 }, second = { 0 };
	_cleanup_held_disk_ struct held_disk disk = look_at_disk();
	_cleanup_free_ char *name = NULL, *added = NULL, *mode = NULL, *device = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct layout before, after;

	cut.stop_in = NULL;
	assert_true(write_here(&first, true, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_true(disk_untouched("vda"));
	list_files(&first, "first");
	assert_int_equal(write_here(&first, false, &err), 0);
	assert_int_equal(layout_read(&disk, &before, NULL), 0);
	host_files_text(&second, "/var/lib/ingot/new/install.json", 0600, xstrdup("{}\n"));
	list_files(&second, "second");
	/* Kept is what is not in the list: the name is. */
	if (write_here(&second, true, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(write_find_host(&disk, &after, NULL), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	device = xasprintf("%s?offset=%ju", disk.path, (uintmax_t)after.partitions[PARTITION_STATE].offset_bytes);
	assert_int_equal(cmd_runl(NULL, 60000, "e2fsck", "-fn", device, NULL), 0);
	name = ask_state(&after, "cat /etc/hostname");
	assert_string_equal(name, "second\n");
	added = ask_state(&after, "cat /var/lib/ingot/new/install.json");
	assert_string_equal(added, "{}\n");
	mode = ask_state(&after, "stat /var/lib/ingot/secret");
	assert_non_null(strstr(mode, "Mode:  0700"));
	assert_on_disk(after.partitions[PARTITION_ROOT_A].offset_bytes, "root");
}

/* Wherever the power is cut, the disk does not boot, on a new disk and on one that had a host; then it goes through. */
static void test_cut_off_between_steps(void **state)
{
	static const char *const steps[] = { "partition", "write", "verify", "identity", "loader" };
	_cleanup_held_disk_ struct held_disk disk = look_at_disk();
	_cleanup_host_files_ struct host_files files = { 0 };
	struct layout layout;

	list_files(&files, "rack-1");
	cut.stop_in = NULL;
	assert_int_equal(write_here(&files, false, NULL), 0);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(steps); i++) {
		bool keep = i >= ARRAY_SIZE(steps), touched = i % ARRAY_SIZE(steps) > 0;

		cut.stop_in = steps[i % ARRAY_SIZE(steps)];
		cut.step = NULL;
		assert_true(write_here(&files, keep, NULL) < 0);
		assert_bootable(!touched);
		assert_int_equal(write_find_host(&disk, &layout, NULL) == 0, !touched);
		cut.stop_in = NULL;
		assert_int_equal(write_here(&files, keep, NULL), 0);
		assert_bootable(true);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_is_carried_out_once),
		TEST(test_altered_bundle),
		TEST(test_disk_that_cannot_write),
		TEST(test_disk_that_does_not_keep),
		TEST(test_refused_before_a_byte_is_written),
		TEST(test_disk_too_small),
		TEST(test_disk_in_use),
		TEST(test_new_order_cancels_the_old),
		TEST(test_from_a_file),
		TEST(test_state_is_kept),
		TEST(test_cut_off_between_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
