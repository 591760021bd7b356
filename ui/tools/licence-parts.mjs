// SPDX-License-Identifier: GPL-3.0-or-later
// What the built dashboard is made of, with the texts of the licences. Fails if the licence of anything is not there as a text.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fontFacts } from './font.mjs';
import { at, packages } from './packages.mjs';

// A package without a text of its own, and one of the same project under the same licence that has it.
const SAME_PROJECT = { '@patternfly/patternfly': '@patternfly/react-core' };
// Texts that a package has in other places: what it has taken in, and what its own text refers to.
const DEEPER = { '@novnc/novnc': ['docs', 'vendor/pako'] };
const OPEN_FONT_TEXT = 'node_modules/@novnc/novnc/docs/LICENSE.OFL-1.1';
const IS_TEXT = /^(licen[cs]e|copying|notice|authors)\b/i;

const textsIn = (folder, below = '.') =>
	readdirSync(at(`${folder}/${below}`), { withFileTypes: true })
		.filter((entry) => entry.isFile() && IS_TEXT.test(entry.name))
		.map((entry) => entry.name)
		.sort()
		.map((name) => [join(below, name), readFileSync(at(`${folder}/${below}/${name}`), 'utf8')]);

function npmParts() {
	const used = packages();
	return used.map(({ name, version, licence, folder }) => {
		const twin = used.find((each) => each.name === SAME_PROJECT[name] && each.licence === licence);
		const texts = [folder, twin?.folder].filter(Boolean).map((each) => textsIn(each)).find((each) => each.length) ?? [];
		const deeper = (DEEPER[name] ?? []).flatMap((below) => {
			const found = textsIn(folder, below);
			if (!found.length) throw new Error(`${name}: there is no text of a licence in ${below} any more`);
			return found;
		});
		const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
		return { facts: { kind: 'npm', name, version, licence, purl }, texts: [...texts, ...deeper] };
	});
}

// A font that says nothing of its licence is a package's own work, and under the package's.
function fontParts(built) {
	const families = new Map();
	for (const name of readdirSync(join(built, 'assets')).filter((each) => each.endsWith('.woff2'))) {
		const { family, version, copyright, licence } = fontFacts(readFileSync(join(built, 'assets', name)));
		if (!licence && family.startsWith('pf-')) continue;
		if (!/SIL Open Font License, Version 1\.1/.test(licence ?? '')) throw new Error(`${name} (${family}): which licence? ${licence}`);
		families.set(family, { version: version.replace(/^Version /, ''), copyright });
	}
	if (!families.size) throw new Error(`there are no fonts in ${built}/assets`);
	return [...families].sort().map(([name, { version, copyright }]) => ({
		facts: { kind: 'font', name, version, licence: 'OFL-1.1', copyright },
		texts: [['OFL-1.1', `${copyright}\n\n${readFileSync(at(OPEN_FONT_TEXT), 'utf8')}`]],
	}));
}

// [{ facts: { kind, name, version, licence, ... }, texts: [[name, content]] }]
export function licenceParts(built) {
	const parts = [...npmParts(), ...fontParts(built)];
	const without = parts.filter(({ texts }) => !texts.length).map(({ facts }) => `${facts.name} (${facts.licence})`);
	if (without.length) throw new Error(`there is no text of the licence of ${without.join(', ')}`);
	return parts;
}
