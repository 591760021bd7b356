// SPDX-License-Identifier: GPL-3.0-or-later
// What the built dashboard is made of, for the medium's list of contents and its licences: OUT/parts.json and OUT/licences/, a
// folder for each part. Fails if the licence of anything is not there as a text.
//     node tools/paperwork.mjs BUILT OUT
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fontFacts } from './font.mjs';
import { at, packages } from './packages.mjs';

const [built, out] = process.argv.slice(2);
// A package without a text of its own, and one of the same project under the same licence that has it.
const SAME_PROJECT = { '@patternfly/patternfly': '@patternfly/react-core' };
// Texts that a package has in other places: what it has taken in, and what its own text refers to.
const DEEPER = { '@novnc/novnc': ['docs', 'vendor/pako'] };
const OPEN_FONT_TEXT = 'node_modules/@novnc/novnc/docs/LICENSE.OFL-1.1';
const IS_TEXT = /^(licen[cs]e|copying|notice|authors)\b/i;

const parts = [];
const folderOf = (kind, name) => join(kind, name.replace(/^@/, '').replace(/[^A-Za-z0-9.-]+/g, '-'));
const add = (kind, part, texts) => {
	const folder = folderOf(kind, part.name);
	if (parts.some((each) => each.licences === folder)) throw new Error(`${part.name}: ${folder} is another part's`);
	if (!texts.length) throw new Error(`${part.name}: there is no text of its licence ${part.licence}`);
	for (const [name, content] of texts) {
		const path = join(out, 'licences', folder, name);
		mkdirSync(dirname(path), { recursive: true });
		if (content instanceof URL) copyFileSync(fileURLToPath(content), path);
		else writeFileSync(path, content);
	}
	parts.push({ kind, ...part, licences: folder });
};

const textsIn = (folder, below = '.') =>
	readdirSync(at(`${folder}/${below}`), { withFileTypes: true })
		.filter((entry) => entry.isFile() && IS_TEXT.test(entry.name))
		.map((entry) => [join(below, entry.name), at(`${folder}/${below}/${entry.name}`)]);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const used = packages();
for (const { name, version, licence, folder } of used) {
	const twin = used.find((each) => each.name === SAME_PROJECT[name] && each.licence === licence);
	const texts = [folder, twin?.folder].filter(Boolean).map((each) => textsIn(each)).find((each) => each.length) ?? [];
	const deeper = (DEEPER[name] ?? []).flatMap((below) => {
		const found = textsIn(folder, below);
		if (!found.length) throw new Error(`${name}: there is no text of a licence in ${below} any more`);
		return found;
	});
	const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
	add('npm', { name, version, licence, purl }, [...texts, ...deeper]);
}

// A font that says nothing of its licence is a package's own work, and under the package's.
const families = new Map();
for (const name of readdirSync(join(built, 'assets')).filter((each) => each.endsWith('.woff2'))) {
	const { family, version, copyright, licence } = fontFacts(readFileSync(join(built, 'assets', name)));
	if (!licence && family.startsWith('pf-')) continue;
	if (!/SIL Open Font License, Version 1\.1/.test(licence ?? '')) throw new Error(`${name} (${family}): which licence? ${licence}`);
	families.set(family, { version: version.replace(/^Version /, ''), copyright });
}
if (!families.size) throw new Error(`there are no fonts in ${built}/assets`);
for (const [name, { version, copyright }] of [...families].sort()) {
	const text = `${copyright}\n\n${readFileSync(at(OPEN_FONT_TEXT), 'utf8')}`;
	add('font', { name, version, licence: 'OFL-1.1', copyright }, [['OFL-1.1', text]]);
}
writeFileSync(join(out, 'parts.json'), JSON.stringify(parts, null, '\t') + '\n');
console.log(`ui: ${parts.length} parts with their licences`);
