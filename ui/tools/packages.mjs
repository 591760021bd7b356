// SPDX-License-Identifier: GPL-3.0-or-later
// The npm packages that the dashboard is made of: what package.json names, and what that names, of the lock file's versions.
import { readFileSync } from 'node:fs';

export const at = (path) => new URL(`../${path}`, import.meta.url);
const read = (path) => JSON.parse(readFileSync(at(path), 'utf8'));

export const version = read('package.json').version;

// [{ name, version, licence, folder }], folder below ui/.
export function packages() {
	const lock = read('package-lock.json');
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
	Object.keys(read('package.json').dependencies).forEach((name) => add(name, ''));
	const found = [...wanted].map(([key, name]) => {
		const { version, license } = read(`${key}/package.json`);
		return { name, version, licence: typeof license === 'string' ? license : (license?.type ?? ''), folder: key };
	});
	const without = found.filter((each) => !each.licence);
	if (without.length) throw new Error(`no licence is known of ${without.map((each) => each.name).join(', ')}`);
	return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
