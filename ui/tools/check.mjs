// SPDX-License-Identifier: GPL-3.0-or-later
// What can be found out without a browser: types, lint, unit tests, translations, budgets. Ends with a line that counts.
//     node tools/check.mjs BUILT
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const built = process.argv[2];
let passed = 0;
let failed = 0;

const run = (name, program, args, count) => {
	const result = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
	const output = result.stdout + result.stderr;
	let [good, bad] = count ? count(output) : result.status === 0 ? [1, 0] : [0, 1];
	if (result.status !== 0 && bad === 0) bad = 1;
	if (result.status === 0 && good === 0) {
		console.log(`${name}: nothing ran`);
		bad = 1;
	}
	console.log(`${name}: ${good} passed, ${bad} failed`.replace(/(\d+) passed, (\d+) failed/, '$1 good, $2 bad'));
	if (bad) console.log(output);
	passed += good;
	failed += bad;
};

run('types', 'node_modules/typescript/bin/tsc', ['--noEmit']);
run('lint', 'node_modules/eslint/bin/eslint.js', ['.', '--max-warnings', '0']);
run('vitest', 'node_modules/vitest/vitest.mjs', ['run', '--reporter=json'], (output) => {
	const json = output.slice(output.indexOf('{"numTotal'));
	try {
		const report = JSON.parse(json.slice(0, json.lastIndexOf('}') + 1));
		return [report.numPassedTests, report.numFailedTests];
	} catch {
		return [0, 1];
	}
});
run('budget', 'tools/budget.mjs', [built], (output) => {
	const [, good, bad] = /budget: (\d+) passed, (\d+) failed/.exec(output) ?? [];
	return [Number(good ?? 0), Number(bad ?? 1)];
});

// The page asks nobody but its own server for anything, and holds no script or style of its own.
const page = readFileSync(`${built}/index.html`, 'utf8');
const rules = {
	'no inline script': !/<script(?![^>]*\bsrc=)/.test(page),
	'no inline style': !/<style|\sstyle=/.test(page),
	'nothing from elsewhere': !/(src|href)="(https?:)?\/\//.test(page),
};
for (const [name, holds] of Object.entries(rules)) {
	console.log(`page: ${name}: ${holds ? 'good' : 'BAD'}`);
	if (holds) passed++;
	else failed++;
}
console.log(`ui: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
