// SPDX-License-Identifier: GPL-3.0-or-later
// Which packages the dashboard is made of, with versions and licences, from the lock file and what is installed.
//     node tools/licences.mjs OUT.json
import { readFileSync, writeFileSync } from 'node:fs';

const read = (path) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));
const lock = read('package-lock.json');
const own = read('package.json');
const wanted = new Map();
const add = (name, from) => {
	// The nearest one, as Node finds it.
	let base = from;
	for (;;) {
		const key = `${base ? `${base}/` : ''}node_modules/${name}`;
		if (lock.packages[key]) {
			if (wanted.has(key)) return;
			wanted.set(key, name);
			Object.keys(lock.packages[key].dependencies ?? {}).forEach((each) => add(each, key));
			return;
		}
		if (!base) return;
		base = base.includes('/node_modules/') ? base.slice(0, base.lastIndexOf('/node_modules/')) : '';
	}
};
Object.keys(own.dependencies).forEach((name) => add(name, ''));
const packages = [...wanted].map(([key, name]) => {
	const { version, license } = read(`${key}/package.json`);
	return { name, version, licence: typeof license === 'string' ? license : (license?.type ?? '') };
});
const without = packages.filter((each) => !each.licence);
if (without.length) throw new Error(`no licence is known of ${without.map((each) => each.name).join(', ')}`);
packages.sort((a, b) => a.name.localeCompare(b.name));
writeFileSync(process.argv[2], JSON.stringify({ version: own.version, packages }, null, '\t') + '\n');
