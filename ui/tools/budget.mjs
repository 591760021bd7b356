// SPDX-License-Identifier: GPL-3.0-or-later
// What the first load takes, after gzip, against the budget: the entry, the overview, and all they import, by Vite's manifest.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const KIB = 1024;
const budget = { script: 280 * KIB, style: 90 * KIB };
const folder = process.argv[2];
const manifest = JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8'));
const files = { script: new Set(), style: new Set() };
const seen = new Set();
const add = (key) => {
	if (seen.has(key)) return;
	seen.add(key);
	const chunk = manifest[key];
	files.script.add(chunk.file);
	(chunk.css ?? []).forEach((file) => files.style.add(file));
	(chunk.imports ?? []).forEach(add);
};
// The overview is what one sees first.
Object.keys(manifest)
	.filter((key) => manifest[key].isEntry || manifest[key].src === 'src/screens/overview.tsx')
	.forEach(add);
let passed = 0;
let failed = 0;
for (const [kind, limit] of Object.entries(budget)) {
	const size = [...files[kind]].reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0);
	const fits = size > 0 && size <= limit;
	console.log(`${fits ? 'ok' : 'FAILED'}: first load, ${kind}: ${(size / KIB).toFixed(1)} KiB of ${limit / KIB} KiB`);
	if (fits) passed++;
	else failed++;
}
// What is heavy must not be part of it.
for (const heavy of ['novnc', 'xterm']) {
	const inside = [...seen].some((key) => key.toLowerCase().includes(heavy));
	console.log(`${inside ? 'FAILED' : 'ok'}: ${heavy} is not in the first load`);
	if (inside) failed++;
	else passed++;
}
console.log(`budget: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
