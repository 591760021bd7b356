// SPDX-License-Identifier: GPL-3.0-or-later
// What a font says of itself: WOFF 2.0 (W3C Recommendation, section 4), table "name" of OpenType.
import { brotliDecompressSync } from 'node:zlib';

const HEADER_BYTES = 48;
const KNOWN_TAGS = (
	'cmap head hhea hmtx maxp name OS/2 post cvt_ fpgm glyf loca prep CFF_ VORG EBDT EBLC gasp hdmx kern LTSH PCLT VDMX vhea vmtx ' +
	'BASE GDEF GPOS GSUB EBSC JSTF MATH CBDT CBLC COLR CPAL SVG_ sbix acnt avar bdat bloc bsln cvar fdsc feat fmtx fvar gvar hsty ' +
	'just lcar mort morx opbd prop trak Zapf Silf Glat Gloc Feat Sill'
).split(' ');
const WINDOWS = 3;
const NAMES = { 0: 'copyright', 1: 'family', 5: 'version', 13: 'licence' };

function nameTable(file) {
	if (file.toString('latin1', 0, 4) !== 'wOF2') throw new Error('not a font in WOFF 2.0');
	let position = HEADER_BYTES;
	const base128 = () => {
		for (let value = 0; ; ) {
			const byte = file[position++];
			value = value * 128 + (byte & 127);
			if (!(byte & 128)) return value;
		}
	};
	let offset = 0;
	let found = null;
	for (let left = file.readUInt16BE(12); left > 0; left--) {
		const flags = file[position++];
		const known = flags & 63;
		const tag = known === 63 ? file.toString('latin1', position, (position += 4)) : KNOWN_TAGS[known];
		let length = base128();
		// Transformed tables have another length in the file; of these two it is version 3 that is none.
		if (flags >> 6 !== (['glyf', 'loca'].includes(tag) ? 3 : 0)) length = base128();
		if (tag === 'name') found = [offset, length];
		offset += length;
	}
	if (!found) throw new Error('the font has no table "name"');
	const data = brotliDecompressSync(file.subarray(position, position + file.readUInt32BE(20)));
	return data.subarray(found[0], found[0] + found[1]);
}

// { family, version, copyright, licence }: those that it says.
export function fontFacts(file) {
	const table = nameTable(file);
	const texts = table.readUInt16BE(4);
	const facts = {};
	for (let i = 0; i < table.readUInt16BE(2); i++) {
		const record = table.subarray(6 + i * 12, 18 + i * 12);
		const key = NAMES[record.readUInt16BE(6)];
		if (!key || record.readUInt16BE(0) !== WINDOWS) continue;
		const start = texts + record.readUInt16BE(10);
		facts[key] = Buffer.from(table.subarray(start, start + record.readUInt16BE(8))).swap16().toString('utf16le');
	}
	return facts;
}
