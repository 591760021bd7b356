/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The system UUID out of Get System GUID (IPMI v2.0 section 22.14).
 *
 * The specification (section 20.8) sends the fields of an RFC 9562 UUID back to front, so the text is all 16 bytes
 * reversed. Many BMCs send the bytes of the SMBIOS table instead (DSP0134 section 7.2.1: the first three fields little
 * endian), some those of RFC 9562. The UUID's own version and variant tell which: the version is one of 1 to 7 and the
 * variant's two top bits are 10. The IPMI and the SMBIOS layout cannot both fit, because they read the same byte once
 * as variant and once as version (8, "vendor", is left out for that). RFC 9562 comes last: with it and SMBIOS both
 * fitting, SMBIOS is the likelier. If none fits (vendors that fill in zeros or a MAC), what the specification says is
 * used. */
#include <strings.h>

#include "bmc_priv.h"

/* Where the bytes of the text come from, for each layout. */
static const uint8_t guid_order[GUID_LAYOUT_COUNT][16] = {
	[GUID_IPMI] = { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 },
	[GUID_SMBIOS] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 },
	[GUID_RFC9562] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
};

char *guid_format(const uint8_t guid[16], enum guid_layout layout)
{
	const uint8_t *order = guid_order[layout];
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (unsigned i = 0; i < 16; i++)
		strbuf_addf(&text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", guid[order[i]]);
	return strbuf_take(&text);
}

enum guid_layout guid_layout_guess(const uint8_t guid[16])
{
	for (unsigned layout = 0; layout < GUID_LAYOUT_COUNT; layout++) {
		unsigned version = guid[guid_order[layout][6]] >> 4;
		unsigned variant = guid[guid_order[layout][8]] >> 6;

		if (version >= 1 && version <= 7 && variant == 2)
			return layout;
	}
	return GUID_IPMI;
}

/* The 16 bytes of a text, dashes or none. */
static bool parse(const char *text, uint8_t ret[16])
{
	char hex[33];
	unsigned len = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '-')
			continue;
		if (len == 32)
			return false;
		hex[len++] = *c;
	}
	hex[len] = '\0';
	return hex_decode(hex, ret, 16) == 0;
}

/* Each layout reads the bytes that another has made: doing it twice undoes it. */
static void reorder(const uint8_t *from, enum guid_layout layout, uint8_t ret[16])
{
	for (unsigned i = 0; i < 16; i++)
		ret[i] = from[guid_order[layout][i]];
}

bool bmc_uuid_matches(const char *bmc_uuid, const char *dmi_uuid)
{
	uint8_t bytes[16], wanted[16];

	if (!bmc_uuid || !dmi_uuid || !parse(bmc_uuid, bytes) || !uuid_valid(dmi_uuid) || !parse(dmi_uuid, wanted))
		return false;
	/* Undo each layout that the BMC's text may have been made with, and read the bytes with each other one. */
	for (unsigned made_with = 0; made_with < GUID_LAYOUT_COUNT; made_with++) {
		uint8_t raw[16], read[16];

		reorder(bytes, made_with, raw);
		for (unsigned layout = 0; layout < GUID_LAYOUT_COUNT; layout++) {
			reorder(raw, layout, read);
			if (memcmp(read, wanted, sizeof(read)) == 0)
				return true;
		}
	}
	return false;
}

bool bmc_uuid_tells(const char *uuid)
{
	return uuid && uuid[strspn(uuid, "0-")] && uuid[strspn(uuid, "fF-")];
}

bool bmc_uuid_contradicts(const char *bmc_uuid, const char *known_uuid)
{
	return bmc_uuid_tells(bmc_uuid) && bmc_uuid_tells(known_uuid) && !bmc_uuid_matches(bmc_uuid, known_uuid);
}

/* All orders that the layouts lead to, one after another: the whole reversed or not, the SMBIOS fields of either half turned or
 * not. The first in order of bytes stands for all of them. */
char *bmc_uuid_key(const char *uuid)
{
	uint8_t bytes[16], least[16];

	if (!uuid || !parse(uuid, bytes))
		return NULL;
	memcpy(least, bytes, sizeof(least));
	for (unsigned i = 0; i < 8; i++) {
		uint8_t next[16];

		/* Turn and turn about: eight of them come back to the beginning. */
		reorder(bytes, i % 2 ? GUID_SMBIOS : GUID_IPMI, next);
		memcpy(bytes, next, sizeof(bytes));
		if (memcmp(bytes, least, sizeof(bytes)) < 0)
			memcpy(least, bytes, sizeof(least));
	}
	return hex_encode(least, sizeof(least));
}
