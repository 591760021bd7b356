// SPDX-License-Identifier: GPL-3.0-or-later
// What the built dashboard is made of, for the medium's list of contents and its licences: OUT/parts.json and OUT/licences/, a
// folder for each part. Fails if the licence of anything is not there as a text.
//     node tools/paperwork.mjs BUILT OUT
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { licenceParts } from './licence-parts.mjs';

const [built, out] = process.argv.slice(2);
const folderOf = (kind, name) => join(kind, name.replace(/^@/, '').replace(/[^A-Za-z0-9.-]+/g, '-'));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const parts = [];
for (const { facts, texts } of licenceParts(built)) {
	const folder = folderOf(facts.kind, facts.name);
	if (parts.some((each) => each.licences === folder)) throw new Error(`${facts.name}: ${folder} is another part's`);
	for (const [name, content] of texts) {
		const path = join(out, 'licences', folder, name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, content);
	}
	parts.push({ ...facts, licences: folder });
}
writeFileSync(join(out, 'parts.json'), JSON.stringify(parts, null, '\t') + '\n');
console.log(`ui: ${parts.length} parts with their licences`);
