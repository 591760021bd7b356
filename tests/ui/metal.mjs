// SPDX-License-Identifier: GPL-3.0-or-later
// The whole path by mouse and keyboard, on machines that take as long as machines do: make lab BY=dashboard. A line for each step;
// a closing line that counts. The administrator's password comes in the environment.
//     INGOT_PASSWORD=... node metal.mjs --url URL --image FILE --shots FOLDER
import { mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { counters, listen, terminalText, untilScreen, untilTerminal } from './screen.mjs';
import { assert, browser, open, signIn } from './world.mjs';

const MINUTE = 60000;
// Two loaded cores without KVM.
const LONG = { found: 7, ready: 5, deployed: 25, nodes: 5, pool: 15, image: 3, volume: 3, running: 5, migrated: 5 };
const options = {};
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
if (!options.url || !options.image || !options.shots || !process.env.INGOT_PASSWORD) {
	console.error('usage: INGOT_PASSWORD=... node metal.mjs --url URL --image FILE --shots FOLDER');
	process.exit(2);
}
mkdirSync(resolve(options.shots), { recursive: true });

const server = { url: options.url, browser: await browser(options.url) };
const { page, context, wrong } = await open(server);
page.setDefaultTimeout(MINUTE); // the host emulates three machines meanwhile
const go = (path) => page.goto(server.url + path);
const dialog = () => page.getByRole('dialog');
const state = (within, word) => within.locator(`[data-state=${word}]`);
const row = (name) => page.locator('tr', { hasText: name });
const wait = (minutes) => ({ timeout: minutes * MINUTE });
const connected = (of) => of.locator('[data-console-state=open]').waitFor(wait(2));
let [passed, pictures] = [0, 0];
const shot = (name, of = page) => of.screenshot({ path: join(resolve(options.shots), `${String(++pictures).padStart(2, '0')}-${name}.png`) });

async function step(name, what) {
	const began = Date.now();
	const said = await what();
	passed++;
	console.log(`${name}: ${said} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
}

/** Asked of many at once: the dialog tells of each. */
async function bulk(count) {
	await dialog().getByText(`Done: ${count} · failed: 0 · of ${count}`).waitFor(wait(1));
	await dialog().getByRole('button', { name: 'Close' }).last().click();
}
const machines = async (word, minutes) => {
	await go('/machines');
	await page.locator('tbody tr[data-id]').filter({ has: page.locator(`[data-state=${word}]`) }).nth(2).waitFor(wait(minutes));
};

async function untilDeployed() {
	await step('sign in', async () => {
		await signIn(page, server, { password: process.env.INGOT_PASSWORD });
		await shot('overview-empty');
		return 'as admin, with the first password';
	});
	await step('discover', async () => {
		await go('/machines');
		// Found by their BMCs first; what they are made of they say themselves.
		await page.locator('tbody tr[data-id]', { hasText: /GiB/ }).nth(2).waitFor(wait(LONG.found));
		await shot('machines-found');
		return 'three machines have reported what they are made of';
	});
	await step('accept', async () => {
		await go('/guide');
		await shot('guide');
		await page.getByRole('button', { name: 'Accept 3 machines' }).click();
		await bulk(3);
		await machines('ready', LONG.ready);
		return 'three machines are ready';
	});
	await step('deploy', async () => {
		await go('/guide');
		await page.getByRole('button', { name: 'Deploy 3 machines' }).click();
		await dialog().getByText('GiB').first().waitFor();
		await dialog().getByRole('textbox').fill('3');
		await shot('deploy-dialog');
		await dialog().getByRole('button', { name: 'Deploy' }).click();
		await bulk(3);
		await page.getByRole('button', { name: /^Tasks: [1-9]/ }).click();
		await page.locator('.ingot-drawer [role=progressbar]').first().waitFor();
		await shot('deploying');
		await machines('deployed', LONG.deployed);
		await shot('machines-deployed');
		await go('/nodes');
		await page.locator('tbody tr').filter({ has: page.locator('[data-state=ready]') }).nth(2).waitFor(wait(LONG.nodes));
		await shot('nodes');
		return 'three machines run the host system from their disks, as nodes';
	});
}

async function untilRunning() {
	await step('pool', async () => {
		await go('/guide');
		await page.locator('[data-step="4"][data-done=true]').waitFor(wait(LONG.pool));
		await go('/pools');
		await state(page, 'active').first().waitFor();
		await shot('pool');
		return 'the pool is active';
	});
	await step('image', async () => {
		await go('/images');
		await page.getByRole('button', { name: 'Add an image' }).click();
		await dialog().locator('input[name=name]').fill('counter');
		await dialog().locator('input[type=file]').setInputFiles(resolve(options.image));
		await dialog().getByRole('button', { name: 'Upload' }).click();
		await dialog().waitFor({ state: 'detached' });
		await state(row('counter'), 'available').waitFor(wait(LONG.image));
		await shot('image');
		return `${basename(options.image)} is imported`;
	});
	await step('volume', async () => {
		await go('/volumes');
		await page.getByRole('button', { name: 'Create a volume' }).click();
		await dialog().locator('input[name=name]').fill('counter-disk');
		await dialog().locator('select[name=image]').selectOption({ index: 1 });
		await dialog().getByRole('button', { name: 'Create' }).click();
		await dialog().waitFor({ state: 'detached' });
		await state(row('counter-disk'), 'available').waitFor(wait(LONG.volume));
		await shot('volume');
		return 'a volume is cloned from it';
	});
	await step('virtual machine', async () => {
		await go('/vms');
		await page.getByRole('link', { name: 'Create a virtual machine' }).click();
		await page.locator('input[name=name]').fill('counter');
		await page.locator('input[name=memory_bytes]').fill('64 MiB');
		await page.locator('#vm-from-volume').check();
		await page.locator('select[name=volume] option', { hasText: 'counter-disk' }).waitFor({ state: 'attached' });
		await shot('vm-new');
		await page.getByRole('button', { name: 'Create', exact: true }).click();
		await page.locator('.ingot-head [data-state=running]').waitFor(wait(LONG.running));
		await shot('vm');
		return 'it runs';
	});
}

const consecutive = (numbers, where) => {
	const at = numbers.findIndex((number, index) => index > 0 && number !== numbers[index - 1] + 1);
	assert(at < 0, `${where}: ${numbers[at - 1]} is followed by ${numbers[at]}`);
};
/** Shows so many more numbers, each screen in order. */
async function counts(window, more) {
	const first = counters(await terminalText(window)).at(-1) ?? 0;
	await untilTerminal(
		window,
		(text) => {
			const shown = counters(text).slice(0, -1); // the last row may be half a line
			consecutive(shown, 'the screen');
			return shown.at(-1) > first + more;
		},
		`${more} more numbers`,
		2 * MINUTE,
	);
}

async function consoles() {
	const [, id] = /vms\/([^?]+)/.exec(page.url());
	await step('screen', async () => {
		await page.getByRole('tab', { name: 'Screen' }).click();
		await connected(page);
		const first = await untilScreen(page, ({ counter }) => counter, 'the counter', 2 * MINUTE);
		await page.locator('[data-console=vnc]').click();
		await page.keyboard.type('hello', { delay: 300 });
		await untilScreen(page, ({ counter, typed }) => counter > first && typed === 'hello', 'what was typed', 2 * MINUTE);
		const second = await context.newPage();
		await second.goto(`${server.url}/console/vms/${id}/vnc`);
		await untilScreen(second, ({ counter, typed }) => counter > first && typed === 'hello', 'the same to a second viewer', 2 * MINUTE);
		await shot('console-screen');
		await second.close();
		return 'shows the counter and what was typed, to two viewers';
	});
	await step('console', async () => {
		await page.getByRole('tab', { name: 'Serial console' }).click();
		await connected(page);
		await counts(page, 10);
		await shot('console-serial');
		return `says: ingot counter ${counters(await terminalText(page)).at(-1)}`;
	});
	await step('migrate', async () => {
		const window = await context.newPage();
		const seen = listen(window);
		await window.goto(`${server.url}/console/vms/${id}/serial`);
		await connected(window);
		await counts(window, 20);
		await page.getByRole('tab', { name: 'Summary' }).click();
		const place = async () => (await page.locator('#tab-content a[href^="/nodes/"]').innerText()).trim();
		const before = await place();
		await page.getByRole('button', { name: 'Migrate' }).click();
		await dialog().getByRole('button', { name: 'Migrate' }).click();
		await page.locator('.ingot-head [data-state=migrating]').waitFor();
		await shot('migrating');
		await page.locator('.ingot-head [data-state=running]').waitFor(wait(LONG.migrated));
		await page.locator('#tab-content a[href^="/nodes/"]').filter({ hasNotText: before }).waitFor();
		await counts(window, 40);
		await shot('console-after-migration', window);
		const numbers = counters(seen.text);
		consecutive(numbers, 'the console');
		assert(seen.sockets === 1, `the console was opened ${seen.sockets} times`);
		await page.getByRole('tab', { name: 'Timeline' }).click();
		await page.getByText(/counter moved to/).waitFor();
		await shot('vm-timeline');
		return `${before} to another node; counter ${numbers[0]} to ${numbers.at(-1)} on one console that stayed open, no gap, no repeat`;
	});
	await go('/');
	await page.locator('h1').first().waitFor();
	await shot('overview');
}

let failed = 0;
try {
	await untilDeployed();
	await untilRunning();
	await consoles();
	assert(wrong.length === 0, `in the browser's console: ${wrong.join('\n')}`);
} catch (error) {
	failed++;
	await shot('failed').catch(() => undefined);
	console.log(`FAILED: ${error.stack ?? error}`);
} finally {
	await server.browser.close();
}
console.log(`dashboard: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
