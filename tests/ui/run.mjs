// SPDX-License-Identifier: GPL-3.0-or-later
// The dashboard in a browser. Ends with a line that counts.
//     node run.mjs --server PROGRAM --ui FOLDER --shots FOLDER --guest IMAGE [--only TEXT]
import { accessSync, constants, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { accessTests } from './access.mjs';
import { bulkTests } from './bulk.mjs';
import { chartTests } from './charts.mjs';
import { consoleTests } from './consoles.mjs';
import { detailTests } from './details.mjs';
import { dutyTests } from './duties.mjs';
import { emptyTests } from './empty.mjs';
import { flowTests } from './flows.mjs';
import { sizeTests, themeTests } from './looks.mjs';
import { mapTests } from './map.mjs';
import { partTests } from './parts.mjs';
import { rackTests } from './rack.mjs';
import { restoredTests } from './restored.mjs';
import { securityTests } from './security.mjs';
import { windowTests } from './windows.mjs';
import { CHROMIUM, Tests, suitePages } from './world.mjs';

/** Suites that run beside one another. */
const WORKERS = 2;

const options = { only: undefined };
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
for (const name of ['server', 'ui', 'shots', 'guest'])
	if (!options[name]) {
		console.error('usage: run.mjs --server PROGRAM --ui FOLDER --shots FOLDER --guest IMAGE [--only TEXT]');
		process.exit(2);
	}
options.server = resolve(options.server);
options.ui = resolve(options.ui);
options.shots = resolve(options.shots);
options.guest = resolve(options.guest);
mkdirSync(options.shots, { recursive: true });

const tests = new Tests(options.only);
try {
	accessSync(CHROMIUM, constants.X_OK);
} catch (error) {
	console.error(`ui-browser: no browser: install Debian's chromium (sudo make deps): ${error.message}`);
	process.exit(1);
}
// The longest first. Each suite has a provisioner and a browser of its own; one that falls over does not take the others with it.
const suites = [consoleTests, themeTests, sizeTests, flowTests, accessTests, bulkTests, restoredTests, dutyTests, detailTests, partTests,
	rackTests, securityTests, windowTests, mapTests, chartTests, emptyTests];
async function work() {
	for (let suite = suites.shift(); suite; suite = suites.shift()) {
		try {
			await suitePages.run([], () => suite(tests, options));
		} catch (error) {
			tests.failed++;
			console.log(`FAILED: ${suite.name}: ${error.stack ?? error}`);
		}
	}
}
await Promise.all(Array.from({ length: WORKERS }, work));
console.log(`ui-browser: ${tests.passed} passed, ${tests.failed} failed`);
process.exit(tests.failed || !tests.passed ? 1 : 0);
