/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seed of cloud-init's data source NoCloud: an ISO 9660 image with the files meta-data, user-data and network-config. While
 * a machine migrates both ends have it, made from the same order: it has to be the same bytes. libarchive writes the time and
 * its own version into it; those are overwritten. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "vm/vm_priv.h"

/* Volume descriptors, tables and folders take about thirty sectors; padding 150: what looks for labels on a disk (busybox) takes one
 * of less than 64 KiB for broken. */
#define ROOM_BYTES (640 * KIB)
#define LABEL "cidata"

/* ---- fields of ISO 9660 (ECMA-119) and of its extensions (SUSP, Rock Ridge) ---- */

#define SECTOR 2048
#define PRIMARY_DESCRIPTOR (16 * SECTOR) /* 8.4 */
#define DESCRIPTOR_LABEL 40		 /* 32 bytes */
#define DESCRIPTOR_ROOT 156		 /* the record of the root folder */
#define DESCRIPTOR_APPLICATION 574	 /* 128 bytes */
#define DESCRIPTOR_DATES 813		 /* creation, modification, expiration, effective: 17 bytes each */
#define RECORD_EXTENT 2			 /* 9.1 */
#define RECORD_SIZE 10
#define RECORD_DATE 18 /* 7 bytes */
#define RECORD_NAME_LENGTH 32
#define RECORD_NAME 33

/* 2020-01-01 00:00:00 UTC */
static const unsigned char short_date[7] = { 120, 1, 1, 0, 0, 0, 0 };
static const char long_date[] = "2020010100000000";

struct image {
	unsigned char *bytes;
	size_t len;
};

static size_t number_at(const unsigned char *bytes)
{
	return bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
}

/* The system use entries of a record: those of dates (TF), and where they go on (CE). */
static void settle_entries(struct image *image, size_t at, size_t end, bool continued)
{
	while (end <= image->len && at + 4 <= end) {
		unsigned char *entry = image->bytes + at;
		size_t len = entry[2];

		if (len < 4 || at + len > end)
			return;
		if (entry[0] == 'T' && entry[1] == 'F') {
			for (size_t date = 5; date + sizeof(short_date) <= len; date += sizeof(short_date))
				memcpy(entry + date, short_date, sizeof(short_date));
		} else if (entry[0] == 'C' && entry[1] == 'E' && len >= 28 && !continued) {
			size_t start = number_at(entry + 4) * SECTOR + number_at(entry + 12);

			settle_entries(image, start, start + number_at(entry + 20), true);
		}
		at += len;
	}
}

static void settle_record(struct image *image, size_t at)
{
	unsigned char *record = image->bytes + at;
	size_t name = record[RECORD_NAME_LENGTH];

	memcpy(record + RECORD_DATE, short_date, sizeof(short_date));
	settle_entries(image, at + RECORD_NAME + name + (name % 2 == 0), at + record[0], false);
}

/* Padded with spaces. */
static void put_text(unsigned char *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	for (size_t i = 0; i < size && text[i]; i++)
		field[i] = (unsigned char)text[i];
}

static void settle_descriptor(unsigned char *descriptor)
{
	put_text(descriptor + DESCRIPTOR_LABEL, 32, LABEL);
	put_text(descriptor + DESCRIPTOR_APPLICATION, 128, "INGOT");
	for (unsigned i = 0; i < 4; i++) {
		unsigned char *date = descriptor + DESCRIPTOR_DATES + i * 17;

		/* It never expires. */
		memcpy(date, i == 2 ? "0000000000000000" : long_date, 16);
		date[16] = 0;
	}
}

/* Behind the descriptors libarchive says who wrote it, and when; nobody reads that. */
static void settle_information(struct image *image)
{
	unsigned char *sector = image->bytes + PRIMARY_DESCRIPTOR + SECTOR;
	bool terminated = image->len >= PRIMARY_DESCRIPTOR + 3 * SECTOR && memcmp(sector, "\377CD001", 6) == 0;

	if (terminated && memcmp(sector + SECTOR, "INFO", 4) == 0)
		memset(sector + SECTOR, 0, SECTOR);
}

/* The root folder is the only one. */
static int settle(struct image *image, struct err *err)
{
	unsigned char *descriptor = image->bytes + PRIMARY_DESCRIPTOR;
	size_t at, end;

	if (image->len < PRIMARY_DESCRIPTOR + SECTOR || memcmp(descriptor, "\1CD001", 6) != 0)
		return err_set(err, ERR_INTERNAL, "the seed has no volume descriptor where one belongs");
	settle_descriptor(descriptor);
	settle_information(image);
	memcpy(descriptor + DESCRIPTOR_ROOT + RECORD_DATE, short_date, sizeof(short_date));
	at = number_at(descriptor + DESCRIPTOR_ROOT + RECORD_EXTENT) * SECTOR;
	end = at + number_at(descriptor + DESCRIPTOR_ROOT + RECORD_SIZE);
	if (end > image->len)
		return err_set(err, ERR_INTERNAL, "the seed has no root folder");
	while (at + RECORD_NAME < end) {
		size_t len = image->bytes[at];

		/* No record crosses a sector's end. */
		if (len == 0) {
			at = (at / SECTOR + 1) * SECTOR;
			continue;
		}
		if (len <= RECORD_NAME || at + len > end)
			return err_set(err, ERR_INTERNAL, "the seed's folder is broken");
		settle_record(image, at);
		at += len;
	}
	return 0;
}

/* ---- writing ---- */

static int add_file(struct archive *archive, const char *name, const char *text)
{
	struct archive_entry *entry = archive_entry_new();
	size_t len = strlen(text);
	int r;

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0400);
	archive_entry_set_size(entry, (la_int64_t)len);
	archive_entry_set_mtime(entry, 0, 0);
	r = archive_write_header(archive, entry);
	archive_entry_free(entry);
	return r == ARCHIVE_OK && archive_write_data(archive, text, len) == (la_ssize_t)len ? 0 : -EIO;
}

static int write_files(struct archive *archive, const struct vm_order *order)
{
	const struct {
		const char *name, *text;
	} files[] = { { "meta-data", order->seed.meta_data },
		      { "network-config", order->seed.network_config },
		      { "user-data", order->seed.user_data } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = files[i].text ? add_file(archive, files[i].name, files[i].text) : 0;
	return r;
}

int vm_seed_image(const struct vm_order *order, char **ret_image, size_t *ret_len, struct err *err)
{
	size_t room = ROOM_BYTES + strlen(order->seed.meta_data) + strlen(order->seed.user_data) +
		      strlen(str_or(order->seed.network_config, ""));
	struct image image = { .bytes = xcalloc(1, room) };
	struct archive *archive = archive_write_new();
	int r = -EIO;

	if (archive && archive_write_set_format_iso9660(archive) == ARCHIVE_OK &&
	    archive_write_set_options(archive, "!joliet,rockridge=useful,volume-id=" LABEL) == ARCHIVE_OK &&
	    archive_write_open_memory(archive, image.bytes, room, &image.len) == ARCHIVE_OK)
		r = write_files(archive, order);
	if (r == 0)
		r = archive_write_close(archive) == ARCHIVE_OK ? 0 : -EIO;
	if (r < 0)
		err_set(err, ERR_INTERNAL, "cannot make the seed: %s",
			archive ? str_or(archive_error_string(archive), "libarchive does not say why") : "no memory");
	archive_write_free(archive);
	if (r == 0)
		r = settle(&image, err);
	if (r < 0) {
		wipe(image.bytes, room);
		free(image.bytes);
		return r;
	}
	*ret_image = (char *)image.bytes;
	*ret_len = image.len;
	return 0;
}

int vm_seed_ensure(const char *prefix, const struct vm_order *order, struct err *err)
{
	_cleanup_free_ char *dir = xasprintf("%s" VM_SEED_DIR, prefix);
	_cleanup_free_ char *path = xasprintf("%s" VM_SEED_FORMAT, prefix, order->id);
	char *image = NULL, *have = NULL;
	size_t len = 0, have_len = 0;
	int r;

	if (!order->seed.user_data)
		return 0;
	r = vm_seed_image(order, &image, &len, err);
	if (r < 0)
		return r;
	/* What a QEMU has open stays as it is. */
	if (read_file(path, len, &have, &have_len) < 0 || have_len != len || memcmp(have, image, len) != 0) {
		r = mkdir_p(dir, 0700);
		if (r == 0)
			r = write_file_atomic(path, image, len, 0600);
		if (r < 0)
			err_set_errno(err, r, "cannot write %s", path);
	}
	wipe(image, len);
	free(image);
	if (have)
		wipe(have, have_len);
	free(have);
	return r;
}

/* ---- what is over ---- */

static bool is_ordered(const json_t *desired, const char *id)
{
	size_t i;
	json_t *entry;

	json_array_foreach(desired, i, entry) {
		if (str_equal(json_string_value(json_object_get(entry, "id")), id) &&
		    !str_equal(json_string_value(json_object_get(entry, "state")), "absent"))
			return true;
	}
	return false;
}

void vm_seed_tidy(const char *prefix, const json_t *desired, const struct vm_domains *domains)
{
	_cleanup_free_ char *path = xasprintf("%s" VM_SEED_DIR, prefix);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, VM_SEED_SUFFIX);
		_cleanup_free_ char *id = end ? xstrndup(entry->d_name, (size_t)(end - entry->d_name)) : NULL;

		if (id && !is_ordered(desired, id) && !vm_domains_find(domains, id))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}
