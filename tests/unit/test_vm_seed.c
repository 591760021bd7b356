/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seed of cloud-init: what a guest reads of it, and that it is the same bytes whenever and wherever it is made. */
#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vm/vm_priv.h"

#define ID "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f20"
#define OTHER "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f21"

/* What libarchive takes for the time. */
static time_t told = 1000000000;
time_t time(time_t *ret)
{
	if (ret)
		*ret = told;
	return told;
}

static struct vm_order order_of(const char *user_data, const char *network_config)
{
	return (struct vm_order){ .id = ID,
				  .seed = { .meta_data = "{\"instance-id\": \"" ID "\"}\n",
					    .user_data = user_data,
					    .network_config = network_config } };
}

struct found {
	unsigned files;
	char *texts[3];
};
static const char *const names[] = { "meta-data", "user-data", "network-config" };

static void found_done(struct found *found)
{
	for (size_t i = 0; i < ARRAY_SIZE(found->texts); i++)
		free(found->texts[i]);
}

/* Reads it as a guest's kernel would, by the names of Rock Ridge. */
static void read_back(const char *image, size_t len, struct found *ret)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;

	*ret = (struct found){ 0 };
	assert_int_equal(archive_read_support_format_iso9660(archive), ARCHIVE_OK);
	assert_int_equal(archive_read_open_memory(archive, image, len), ARCHIVE_OK);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		size_t size = (size_t)archive_entry_size(entry);

		if (archive_entry_filetype(entry) != AE_IFREG)
			continue;
		ret->files++;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			if (!str_equal(archive_entry_pathname(entry), names[i]))
				continue;
			ret->texts[i] = xcalloc(1, size + 1);
			assert_int_equal(archive_read_data(archive, ret->texts[i], size), size);
		}
	}
	archive_read_free(archive);
}

static void it_has_the_files_under_their_names(void **state)
{
	const struct vm_order order = order_of("#!/bin/sh\necho hello\n", "version: 2\n");
	_cleanup_free_ char *image = NULL;
	_cleanup_(found_done) struct found found;
	size_t len = 0;

	assert_int_equal(vm_seed_image(&order, &image, &len, NULL), 0);
	/* Where blkid(8) looks for a label. */
	assert_memory_equal(image + 32768 + 40, "cidata                          ", 32);
	assert_int_equal(len % 2048, 0);
	/* Less is taken for a broken disk by some who look for labels. */
	assert_true(len >= 64 * KIB);
	read_back(image, len, &found);
	assert_int_equal(found.files, 3);
	assert_string_equal(found.texts[0], order.seed.meta_data);
	assert_string_equal(found.texts[1], order.seed.user_data);
	assert_string_equal(found.texts[2], order.seed.network_config);
}

static void without_network_configuration_there_is_no_such_file(void **state)
{
	const struct vm_order order = order_of("", NULL);
	_cleanup_free_ char *image = NULL;
	_cleanup_(found_done) struct found found;
	size_t len = 0;

	assert_int_equal(vm_seed_image(&order, &image, &len, NULL), 0);
	read_back(image, len, &found);
	assert_int_equal(found.files, 2);
	assert_string_equal(found.texts[1], "");
	assert_null(found.texts[2]);
}

static void the_largest_fits(void **state)
{
	_cleanup_free_ char *text = new0(char, MIB + 1);
	struct vm_order order = order_of(text, text);
	_cleanup_free_ char *image = NULL;
	_cleanup_(found_done) struct found found;
	size_t len = 0;

	memset(text, 'x', MIB);
	order.seed.meta_data = text;
	assert_int_equal(vm_seed_image(&order, &image, &len, NULL), 0);
	read_back(image, len, &found);
	assert_string_equal(found.texts[1], text);
}

static void it_is_the_same_at_any_time_and_place(void **state)
{
	const struct vm_order order = order_of("#cloud-config\n", "version: 1\n");
	_cleanup_free_ char *first = NULL, *second = NULL, *other = NULL;
	size_t first_len = 0, second_len = 0, other_len = 0;

	told = 1000000000;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(vm_seed_image(&order, &first, &first_len, NULL), 0);
	told = 1700000123;
	setenv("TZ", "Asia/Seoul", 1);
	tzset();
	assert_int_equal(vm_seed_image(&order, &second, &second_len, NULL), 0);
	assert_int_equal(first_len, second_len);
	assert_memory_equal(first, second, first_len);
	/* And no other one is. */
	const struct vm_order changed = order_of("#cloud-config \n", "version: 1\n");
	assert_int_equal(vm_seed_image(&changed, &other, &other_len, NULL), 0);
	assert_true(other_len != first_len || memcmp(other, first, first_len) != 0);
}

/* ---- on the node ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_all(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void it_is_kept_as_long_as_the_machine_is(void **state)
{
	char prefix[] = "/tmp/ingot-test-seed-XXXXXX";
	_cleanup_err_ struct err err = ERR_INIT;
	const struct vm_order order = order_of("#!secret\n", NULL), bare = { .id = OTHER };
	json_t *ordered = json_pack("[{s:s, s:s}]", "id", ID, "state", "incoming"), *nothing = json_array();
	struct vm_domain domain = { .mark = { .id = (char *)ID } };
	const struct vm_domains here = { &domain, 1 }, empty = { 0 };
	struct stat before, after;

	assert_non_null(mkdtemp(prefix));
	_cleanup_free_ char *path = xasprintf("%s" VM_SEED_FORMAT, prefix, ID);
	_cleanup_free_ char *none = xasprintf("%s" VM_SEED_FORMAT, prefix, OTHER);
	assert_int_equal(vm_seed_ensure(prefix, &order, &err), 0);
	assert_int_equal(vm_seed_ensure(prefix, &bare, &err), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 07777, 0600);
	assert_true(access(none, F_OK) < 0);
	/* It is not written again: a QEMU may have it open. */
	assert_int_equal(vm_seed_ensure(prefix, &order, &err), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	vm_seed_tidy(prefix, ordered, &empty);
	vm_seed_tidy(prefix, nothing, &here);
	assert_int_equal(access(path, F_OK), 0);
	/* One that was cut off is made anew. */
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(vm_seed_ensure(prefix, &order, &err), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	vm_seed_tidy(prefix, nothing, &empty);
	assert_true(access(path, F_OK) < 0);
	json_decref(ordered);
	json_decref(nothing);
	remove_all(prefix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_the_files_under_their_names),
		cmocka_unit_test(without_network_configuration_there_is_no_such_file),
		cmocka_unit_test(the_largest_fits),
		cmocka_unit_test(it_is_the_same_at_any_time_and_place),
		cmocka_unit_test(it_is_kept_as_long_as_the_machine_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
