// SPDX-License-Identifier: GPL-3.0-or-later
// What the built dashboard is made of, with versions, licences and their texts, for its page "About": BUILT/licences.json, which is
// read when somebody looks at that page. A text that several parts have is in it once.
//     node tools/licences.mjs BUILT
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { licenceParts } from './licence-parts.mjs';
import { version } from './packages.mjs';

const built = process.argv[2];
const texts = [];
const numberOf = (content) => (texts.includes(content) ? texts.indexOf(content) : texts.push(content) - 1);
const parts = licenceParts(built).map(({ facts: { kind, name, version, licence }, texts: own }) => ({
	kind,
	name,
	version,
	licence,
	texts: own.map(([file, content]) => ({ file, text: numberOf(content) })),
}));
writeFileSync(join(built, 'licences.json'), JSON.stringify({ version, parts, texts }));
