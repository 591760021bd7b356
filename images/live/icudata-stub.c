/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An empty libicudata, as ICU's own "stubdata" is: 1 KB in place of 31 MB.
 *
 * libarchive and libvirt need libxml2, which needs ICU for character sets that
 * it does not know itself. All our XML is UTF-8. ICU without data works and
 * says U_FILE_ACCESS_ERROR when asked for a converter.
 *
 * ENTRY is the symbol of the ICU version, icudtNN_dat.
 */
#include <stdint.h>

struct icu_data {
	uint16_t header_size;
	uint8_t magic[2];
	struct {
		uint16_t size;
		uint16_t reserved;
		uint8_t big_endian;
		uint8_t charset_family;
		uint8_t sizeof_uchar;
		uint8_t reserved_byte;
		uint8_t format[4];
		uint8_t format_version[4];
		uint8_t data_version[4];
	} info;
	uint8_t padding[8];
	uint32_t count;
	uint32_t reserved;
	int32_t fake[4];
};

extern const struct icu_data ENTRY;

const struct icu_data ENTRY __attribute__((aligned(16))) = {
	.header_size = 32,
	.magic = { 0xda, 0x27 },
	.info = {
		.size = 20,
		.sizeof_uchar = 2,
		.format = { 'T', 'o', 'C', 'P' },
		.format_version = { 1 },
	},
};
