// SPDX-License-Identifier: GPL-3.0-or-later
// What the first load takes, after gzip, against the budget: the entry, the overview, and all they import, by Vite's manifest; in
// Korean its words as well. What is heavy is loaded when it is used, and not before.
//     node tools/budget.mjs BUILT
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const KIB = 1024;
const budget = { script: 280 * KIB, style: 90 * KIB, words: 20 * KIB };
/** What is loaded by itself, and the package that it is for. */
const heavy = { 'src/screens/vnc.tsx': '@novnc/novnc', 'src/screens/terminal.tsx': '@xterm/xterm', 'src/screens/pool-chart.tsx': 'uplot' };
const words = ['src/i18n/ko.ts', 'src/i18n/events.ko.ts'];
const folder = process.argv[2];
const read = (name) => JSON.parse(readFileSync(join(folder, '.vite', name), 'utf8'));
const manifest = read('manifest.json');
const packages = read('packages.json');
let passed = 0;
let failed = 0;
const check = (holds, what) => {
	console.log(`${holds ? 'ok' : 'FAILED'}: ${what}`);
	if (holds) passed++;
	else failed++;
};

/** Chunks that are loaded with these, themselves among them. */
const loaded = (keys, seen = new Set()) => {
	for (const key of keys.filter((each) => !seen.has(each))) {
		seen.add(key);
		loaded(manifest[key].imports ?? [], seen);
	}
	return seen;
};
const size = (files) => [...new Set(files)].reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0);
const within = (kind, files) => {
	const bytes = size(files);
	check(bytes > 0 && bytes <= budget[kind], `first load, ${kind}: ${(bytes / KIB).toFixed(1)} KiB of ${budget[kind] / KIB} KiB`);
};

// The overview is what one sees first.
const first = loaded(Object.keys(manifest).filter((key) => manifest[key].isEntry || key === 'src/screens/overview.tsx'));
const chunks = [...first].map((key) => manifest[key]);
within('script', chunks.map((chunk) => chunk.file));
within('style', chunks.flatMap((chunk) => chunk.css ?? []));
for (const [key, name] of Object.entries(heavy)) {
	const chunk = manifest[key];
	check(chunk?.isDynamicEntry && !first.has(key), `${key} is loaded when it is used`);
	const holders = Object.keys(packages).filter((file) => packages[file].includes(name));
	check(holders.length > 0 && !chunks.some(({ file }) => holders.includes(file)), `${name} is part of the dashboard, and not of the first load`);
}
for (const key of words) check(manifest[key]?.isDynamicEntry && !first.has(key), `${key} is loaded by those who read it`);
within('words', words.flatMap((key) => (manifest[key] ? [manifest[key].file] : [])));
console.log(`budget: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
