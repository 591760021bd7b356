/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/gpt.h"

#include <endian.h>
#include <inttypes.h>

#define ENTRIES_MAX_BYTES ((uint64_t)(1 * MIB))
#define HEADER_BYTES 92
#define HEADER_CRC 16 /* its place in the header */
#define PROTECTIVE_TYPE 0xee

/* Where a header says that things are; numbers of sectors. */
struct header {
	uint64_t own, other, entries;
	uint32_t count, entry_bytes, entries_crc;
};

struct check {
	const struct layout *layout;
	const struct held_disk *disk;
	const char *name; /* of the table that is looked at */
	struct err *err;
};

/* CRC-32 as in IEEE 802.3, which section 5.3.2 asks for. A table has 16 KiB: no need to be fast. */
static uint32_t crc32(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static int wrong(const struct check *check, const char *what)
{
	return held_disk_lies(check->disk, check->err, "%s: %s", check->name, what);
}

static int read_sectors(const struct check *check, uint64_t sector, void *ret_data, size_t len)
{
	return held_disk_reread(check->disk, sector * check->layout->sector_bytes, ret_data, len, check->err);
}

static int check_mbr(const struct layout *layout, const struct held_disk *disk, struct err *err)
{
	struct check check = { layout, disk, "the protective MBR (sector 0)", err };
	uint8_t sector[512];
	int r = read_sectors(&check, 0, sector, sizeof(sector));

	if (r == 0 && (sector[510] != 0x55 || sector[511] != 0xaa || sector[446 + 4] != PROTECTIVE_TYPE))
		r = wrong(&check, "it does not say that there is a GPT");
	return r;
}

static int read_header(const struct check *check, uint64_t sector, struct header *ret)
{
	uint8_t data[HEADER_BYTES];
	uint32_t crc;
	int r = read_sectors(check, sector, data, sizeof(data));

	if (r < 0)
		return r;
	if (memcmp(data, "EFI PART", 8) != 0)
		return wrong(check, "there is no signature");
	crc = get32(data + HEADER_CRC);
	memset(data + HEADER_CRC, 0, sizeof(crc));
	if (get32(data + 12) != HEADER_BYTES || crc != crc32(data, HEADER_BYTES))
		return wrong(check, "the header's checksum is wrong");
	*ret = (struct header){
		.own = get64(data + 24),
		.other = get64(data + 32),
		.entries = get64(data + 72),
		.count = get32(data + 80),
		.entry_bytes = get32(data + 84),
		.entries_crc = get32(data + 88),
	};
	return 0;
}

static int check_entries(const struct check *check, const struct header *header)
{
	uint64_t len = (uint64_t)header->count * header->entry_bytes;
	_cleanup_free_ uint8_t *data = NULL;
	int r;

	if (header->entry_bytes != LAYOUT_ENTRY_BYTES || header->count < PARTITION_COUNT || len > ENTRIES_MAX_BYTES)
		return wrong(check, "its entries are not those of a host");
	data = xmalloc(len);
	r = read_sectors(check, header->entries, data, len);
	if (r < 0)
		return r;
	if (crc32(data, len) != header->entries_crc)
		return wrong(check, "the entries' checksum is wrong");
	for (unsigned i = 0; i < header->count; i++) {
		uint8_t planned[LAYOUT_ENTRY_BYTES] = { 0 };

		if (i < PARTITION_COUNT)
			layout_entry(check->layout, i, planned);
		if (memcmp(data + (size_t)i * LAYOUT_ENTRY_BYTES, planned, sizeof(planned)) != 0) {
			_cleanup_free_ char *what = xasprintf("partition %u is not as planned", i + 1);

			return wrong(check, what);
		}
	}
	return 0;
}

/* The table whose header is in sector own, while the other one's is in sector other. */
static int check_table(const struct check *check, uint64_t own, uint64_t other)
{
	struct header header = { 0 };
	int r = read_header(check, own, &header);

	if (r == 0 && (header.own != own || header.other != other))
		r = wrong(check, "it does not say where both tables are");
	return r == 0 ? check_entries(check, &header) : r;
}

int gpt_check(const struct layout *layout, const struct held_disk *disk, struct err *err)
{
	uint64_t last = disk->size / layout->sector_bytes - 1;
	struct check first_table = { layout, disk, "the partition table at the beginning", err };
	struct check second_table = { layout, disk, "the partition table at the end", err };
	int r = held_disk_sync(disk, err);

	if (r == 0)
		r = check_mbr(layout, disk, err);
	if (r == 0)
		r = check_table(&first_table, 1, last);
	return r == 0 ? check_table(&second_table, last, 1) : r;
}
