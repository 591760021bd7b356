// SPDX-License-Identifier: GPL-3.0-or-later
// Consoles with real ends: QEMU guests behind the agent's own console part, and behind a BMC's serial over LAN.
import { join } from 'node:path';
import { Line } from './line.mjs';
import { look } from './looks.mjs';
import { counters, heardOf, listen, untilHeard, untilScreen, untilTerminal } from './screen.mjs';
import { PASSWORD, Server, assert, open, settled, signIn } from './world.mjs';

const PASTED = 'Hello, World! {x|y} ~_ "7&<>"';
const state = (page, word) => page.locator(`[data-console-state=${word}]`);
const end = (page, word) => page.locator(`[data-console-end=${word}]`);
const connected = (page) => state(page, 'open').waitFor();

/** It counts on: two looks, a while apart, see two numbers. */
async function screenLives(page) {
	const first = await untilScreen(page, ({ counter }) => counter, 'a counter');
	await untilScreen(page, ({ counter }) => counter && counter !== first, `another number than ${first}`);
}
async function terminalLives(page) {
	const first = await untilTerminal(page, (text) => counters(text).at(-1), 'a counter');
	await untilTerminal(page, (text) => (counters(text).at(-1) ?? first) !== first, `another number than ${first}`);
}
/** The guest answers each character that it gets. */
const echoes = (page, character, since) => untilHeard(page, (text) => text.includes(`ingot got ${character}`), `the echo of ${JSON.stringify(character)}`, since);
/** It began anew: since then it has counted from 1, without a gap. */
const beganAnew = (page, since) => untilHeard(page, (text) => /ingot counter 1\s+ingot counter 2\s+ingot counter 3\s+ingot counter 4\s/.test(text), 'a guest that began anew', since);
const now = (page) => heardOf(page).text.length;

/** As fingers do: what needs Shift with Shift. */
async function type(page, kind, text) {
	await page.locator(`[data-console=${kind}]`).click();
	for (const character of text) await page.keyboard.press(/[A-Z~!@#$%^&*()_+{}|:"<>?]/.test(character) ? `Shift+${character}` : character === ' ' ? 'Space' : character, { delay: 40 });
}
async function paste(page, text) {
	await page.getByRole('button', { name: 'Paste as keystrokes' }).click();
	await page.locator('#console-paste').fill(text);
	await page.getByRole('dialog').getByRole('button', { name: 'Paste as keystrokes' }).click();
	await page.getByRole('dialog').waitFor({ state: 'detached' });
}
/** The window that the button opens. */
async function ownWindow(page) {
	const [window] = await Promise.all([page.context().waitForEvent('page'), page.getByRole('button', { name: 'Open in a window' }).click()]);
	await connected(window);
	return window;
}

async function serialTests(tests, { page, go, shots }, vm) {
	await tests.run('console: a serial console shows what the guest prints, in order, and the guest hears what is typed', async () => {
		await go(`/vms/${vm.id}?tab=serial`);
		await connected(page);
		await terminalLives(page);
		const numbers = await untilHeard(page, (text) => (counters(text).length > 12 ? counters(text) : null), 'a dozen numbers', heardOf(page).at);
		assert(numbers.every((number, index) => index === 0 || number === numbers[index - 1] + 1), `gap or repeat: ${numbers}`);
		await type(page, 'serial', 'q');
		await echoes(page, 'q');
		await terminalLives(page);
		await page.screenshot({ path: join(shots, 'console-serial.png') });
	});
	await tests.run('console: a paste is typed, long ones too', async () => {
		await paste(page, `XY${'z'.repeat(600)}!`);
		await echoes(page, '!');
		await terminalLives(page);
	});
	await tests.run('console: a window of its own is a second viewer; what one types both see', async () => {
		const window = await ownWindow(page);
		await terminalLives(window);
		await type(window, 'serial', 'W');
		for (const each of [window, page]) await echoes(each, 'W');
		await window.close();
		await terminalLives(page);
	});
	await tests.run('console: the keyboard comes out of it again', async () => {
		await page.locator('[data-console=serial]').click();
		await page.keyboard.press('Tab');
		await echoes(page, '\t');
		await page.keyboard.press('Control+Shift+F6');
		assert(await page.evaluate(() => document.activeElement?.closest('[role=toolbar]') !== null), 'the focus is not on the toolbar');
	});
}

async function screenTests(tests, { page, go, shots }, vm) {
	await tests.run('console: a screen shows the guest’s picture as it changes, and its keyboard is ours', async () => {
		await go(`/vms/${vm.id}?tab=vnc`);
		await connected(page);
		await screenLives(page);
		await type(page, 'vnc', 'typed by hand: Ab#1 ');
		await untilScreen(page, ({ typed }) => typed === 'typed by hand: Ab#1', 'what was typed');
		await page.screenshot({ path: join(shots, 'console-vnc.png') });
	});
	await tests.run('console: a paste comes character by character, with Shift; what no key types is said', async () => {
		await paste(page, `${PASTED}가`);
		await untilScreen(page, ({ typed }) => typed === `typed by hand: Ab#1 ${PASTED}`, PASTED);
		await page.getByText('no key types them: 가').waitFor();
	});
	await tests.run('console: two look at one screen, and one may leave', async () => {
		const window = await ownWindow(page);
		await screenLives(window);
		await type(window, 'vnc', '@');
		for (const each of [window, page]) await untilScreen(each, ({ typed }) => typed.endsWith('@'), 'the @ that one of both typed');
		await window.screenshot({ path: join(shots, 'console-vnc-window.png') });
		await window.close();
		await screenLives(page);
	});
	await tests.run('console: Ctrl+Alt+Del restarts the guest', async () => {
		const before = await untilScreen(page, ({ counter }) => counter, 'a counter');
		await page.getByRole('button', { name: 'Ctrl+Alt+Del' }).click();
		await untilScreen(page, ({ counter, typed }) => counter > 0 && counter < before && typed === '', 'a guest that began anew');
		await connected(page);
	});
}

async function brokenTests(tests, { page, go, shots, line, server }, vm) {
	await tests.run('console: a broken connection is said, shows no old picture, and is made again', async () => {
		await go(`/vms/${vm.id}?tab=vnc`);
		await connected(page);
		await screenLives(page);
		line.cut();
		await end(page, 'lost').waitFor();
		assert((await page.locator('[data-console=vnc] canvas').count()) === 0, 'the old picture still shows');
		await connected(page);
		await screenLives(page);
		await go(`/vms/${vm.id}?tab=serial`);
		await connected(page);
		await terminalLives(page);
		line.cut();
		await end(page, 'lost').waitFor();
		await page.locator('.ingot-console-dead').waitFor();
		await connected(page);
		await terminalLives(page);
	});
	await tests.run('console: a line that goes dead without a word is seen, and its picture taken away', async () => {
		for (const kind of ['vnc', 'serial']) {
			await go(`/vms/${vm.id}?tab=${kind}`);
			await connected(page);
			await (kind === 'vnc' ? screenLives(page) : terminalLives(page));
			line.freeze();
			await end(page, 'silent').waitFor();
			await page.screenshot({ path: join(shots, `console-${kind}-silent.png`) });
			if (kind === 'vnc') assert((await page.locator('[data-console=vnc] canvas').count()) === 0, 'the old picture still shows');
			else assert((await page.locator('.ingot-console-dead [data-console=serial]').count()) === 1, 'the old text looks live');
			line.freeze(false);
			await connected(page);
			await (kind === 'vnc' ? screenLives(page) : terminalLives(page));
		}
	});
	await tests.run('console: a ticket opens one console, once', async () => {
		const opened = page.waitForEvent('websocket');
		await go(`/vms/${vm.id}?tab=serial`);
		const url = (await opened).url();
		await connected(page);
		const again = await page.evaluate(
			(address) =>
				new Promise((resolve) => {
					const socket = new WebSocket(address);
					socket.onopen = () => resolve('opened');
					socket.onerror = () => resolve('refused');
				}),
			url,
		);
		assert(again === 'refused', `the ticket that was used is ${again}`);
		const answer = await server.api('GET', new URL(url).pathname);
		assert(answer.status === 404 && /once/.test(answer.text), `${answer.status} ${answer.text}`);
		await terminalLives(page);
	});
}

/** In tabs and in windows of their own, with what is done to them: in both themes, with a picture in them. */
async function accessibleTests(tests, { line, server, shots }, vm) {
	const [machine] = (await server.must('GET', '/v1/machines?power=on')).items;
	const places = [`/vms/${vm.id}?tab=vnc`, `/vms/${vm.id}?tab=serial`, `/machines/${machine.id}?tab=console`, `/console/vms/${vm.id}/vnc`, `/console/vms/${vm.id}/serial`, `/console/machines/${machine.id}/serial`];
	for (const theme of ['light', 'dark'])
		await tests.run(`console: accessible in its tabs and windows, ${theme}`, async () => {
			const { page, context } = await open({ url: line.url, browser: server.browser }, { theme });
			await signIn(page, line);
			const found = [];
			for (const place of places) {
				await page.goto(line.url + place);
				await connected(page);
				found.push(...(await look(page)).map((each) => `${place}: ${each}`));
				await page.screenshot({ path: join(shots, `${place.slice(1).replace(/\W+/g, '-').replaceAll(vm.id, 'vm').replaceAll(machine.id, 'machine')}-${theme}.png`) });
			}
			await page.getByRole('button', { name: 'Paste as keystrokes' }).click();
			await page.getByRole('dialog').waitFor();
			found.push(...(await look(page)).map((each) => `the dialog to paste: ${each}`));
			assert(found.length === 0, found.join('\n'));
			await context.close();
		});
}

/** Asks for a ticket as a page does, with the token of the session that is signed in. */
const askForTicket = (page, path) =>
	page.evaluate(async (address) => {
		const { csrf_token: token } = await (await fetch('/v1/session')).json();
		const answer = await fetch(address, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token }, body: '{"kind":"serial"}' });
		return { status: answer.status, ...(await answer.json()) };
	}, `/v1${path}/console-ticket`);

async function roleTests(tests, { page, line, server }, vm) {
	const [machine] = (await server.must('GET', '/v1/machines')).items;
	const ends = [`/vms/${vm.id}`, `/machines/${machine.id}`];
	await tests.run('console: a viewer’s role opens none, by no tab, no address and no call', async () => {
		await server.must('POST', '/v1/users', { name: 'vera', role: 'viewer', password: PASSWORD });
		const { page: other, context, wrong } = await open({ url: line.url, browser: server.browser });
		const asked = [];
		other.on('request', (request) => request.url().endsWith('/console-ticket') && asked.push(request.url()));
		await signIn(other, line, { name: 'vera' });
		for (const end of ends) {
			for (const tab of ['', '?tab=vnc', '?tab=serial', '?tab=console']) {
				await other.goto(line.url + end + tab);
				await other.getByRole('tab', { name: 'Timeline' }).waitFor();
				await settled(other);
				assert((await other.getByRole('tab', { name: /^(Screen|Serial)/ }).count()) === 0, `${end}: a viewer has a tab for a console`);
				assert((await other.locator('[data-console-state]').count()) === 0, `${end}${tab}: a viewer has a console`);
			}
			assert(asked.length === 0, `it asks for ${asked}`);
			const answer = await askForTicket(other, end);
			assert(answer.status === 403 && answer.code === 'forbidden' && /operator/.test(answer.detail), JSON.stringify(answer));
			// Nothing but the role is in the way.
			assert((await askForTicket(page, end)).status === 201, `${end}: an administrator gets none either`);
			asked.length = 0;
		}
		await other.goto(`${line.url}/console/vms/${vm.id}/serial`);
		await other.locator('.ingot-problem').waitFor();
		assert((await other.locator('[data-console]').count()) === 0, 'a window of its own shows a console');
		assert(wrong.length === 0, wrong.join('\n'));
		await context.close();
	});
}

async function endTests(tests, { page, go, shots, server }, vm) {
	await tests.run('console: a guest that is stopped ends it with the reason; started again, it is opened again', async () => {
		for (const kind of ['vnc', 'serial']) {
			await go(`/vms/${vm.id}?tab=${kind}`);
			await connected(page);
			await (kind === 'vnc' ? screenLives(page) : terminalLives(page));
			await server.must('POST', `/v1/vms/${vm.id}/stop`);
			await end(page, 'ended').waitFor();
			await page.getByText('web was stopped').waitFor();
			if (kind === 'vnc') assert((await page.locator('[data-console=vnc] canvas').count()) === 0, 'a dead picture shows');
			await page.locator('.ingot-head [data-state=stopped]').waitFor();
			await page.screenshot({ path: join(shots, `console-${kind}-ended.png`) });
			assert((await state(page, 'open').count()) === 0, 'it says that it is connected');
			await server.must('POST', `/v1/vms/${vm.id}/start`);
			await connected(page);
			await (kind === 'vnc' ? screenLives(page) : terminalLives(page));
		}
	});
	await tests.run('console: a machine that was never started has none, and says so', async () => {
		const idle = await server.makeVm('idle', false);
		await go(`/vms/${idle.id}?tab=serial`);
		await end(page, 'refused').waitFor();
		await page.getByText('idle is stopped; only one that runs has a console').waitFor();
	});
	await tests.run('console: after a migration it goes on, on the other node', async () => {
		await go(`/vms/${vm.id}?tab=serial`);
		await connected(page);
		const window = await page.context().newPage();
		await window.goto(`${page.url().split('/vms')[0]}/console/vms/${vm.id}/vnc`);
		await connected(window);
		await screenLives(window);
		const before = (await server.must('GET', `/v1/vms/${vm.id}`)).node;
		const [heard, sockets] = [now(page), heardOf(page).sockets];
		await server.must('POST', `/v1/vms/${vm.id}/migrate`, {});
		await server.until(`/v1/vms/${vm.id}`, (each) => each.state === 'running' && each.node !== before, 'it moved');
		// In this rack a guest carries no memory along: it counts from the beginning.
		await beganAnew(page, heard);
		await connected(page);
		await terminalLives(page);
		assert(heardOf(page).sockets === sockets, 'the serial console was opened anew');
		await connected(window);
		await screenLives(window);
		await window.close();
	});
	await tests.run('console: a node that loses its power takes its consoles along, and that is said', async () => {
		const { node, node_name: name } = await server.must('GET', `/v1/vms/${vm.id}`);
		const machine = (await server.must('GET', '/v1/machines')).items.find((each) => each.node === node);
		await go(`/vms/${vm.id}?tab=vnc`);
		await connected(page);
		await screenLives(page);
		await server.must('POST', `/v1/machines/${machine.id}/power`, { action: 'off' });
		await page.getByText(`the agent of node ${name} went away`).waitFor();
		assert((await page.locator('[data-console=vnc] canvas').count()) === 0, 'a dead picture shows');
	});
}

async function machineTests(tests, { page, go, shots, server }) {
	const machine = (await server.must('GET', '/v1/machines')).items.find((each) => each.power === 'on');
	await tests.run('console: serial over LAN of a machine, in a tab and a window: text, echo, paste', async () => {
		await go(`/machines/${machine.id}?tab=console`);
		await connected(page);
		await terminalLives(page);
		await type(page, 'serial', 'm');
		await echoes(page, 'm');
		const window = await ownWindow(page);
		await terminalLives(window);
		await paste(window, 'UV');
		for (const each of [window, page]) await echoes(each, 'V');
		await page.screenshot({ path: join(shots, 'console-machine.png') });
		await window.close();
		await terminalLives(page);
	});
	await tests.run('console: a machine that is switched off says that its console is silent; on again, it speaks', async () => {
		await go(`/machines/${machine.id}?tab=console`);
		await connected(page);
		await terminalLives(page);
		await server.must('POST', `/v1/machines/${machine.id}/power`, { action: 'off' });
		await page.getByText('its console stays silent').waitFor();
		await page.screenshot({ path: join(shots, 'console-machine-off.png') });
		const off = now(page);
		await server.must('POST', `/v1/machines/${machine.id}/power`, { action: 'on' });
		await page.getByText('its console stays silent').waitFor({ state: 'detached' });
		await beganAnew(page, off);
		await terminalLives(page);
	});
}

export async function consoleTests(tests, options) {
	if (!tests.wants('console')) return;
	const server = await Server.start(options.server, options.ui, { machines: 3, nodes: 3, guest: options.guest });
	const line = await Line.to(server.url);
	const { page, context, wrong } = await open({ url: line.url, browser: server.browser });
	context.on('page', listen);
	listen(page);
	const go = (path) => page.goto(line.url + path);
	const stage = { page, go, line, server, shots: options.shots };
	try {
		await server.poolActive();
		const vm = await server.makeVm('web');
		await signIn(page, line);
		await serialTests(tests, stage, vm);
		await screenTests(tests, stage, vm);
		await accessibleTests(tests, stage, vm);
		await brokenTests(tests, stage, vm);
		await roleTests(tests, stage, vm);
		await machineTests(tests, stage);
		await endTests(tests, stage, vm);
		await tests.run('console: nothing in the browser’s console but what was provoked', async () => {
			const unexpected = wrong.filter((each) => !/WebSocket connection to|Failed when connecting/.test(each));
			assert(unexpected.length === 0, unexpected.join('\n'));
		});
	} finally {
		// Also the pages that a test has left open when it failed: they would make new connections for good.
		await server.browser.close();
		await line.close();
		await server.stop();
	}
}
