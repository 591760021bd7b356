// SPDX-License-Identifier: GPL-3.0-or-later
// What things are made of: the disks of all machines, the licences of the dashboard's parts, and an image that comes in parts, over a
// reload of the page.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, assert, open, settled, signIn } from './world.mjs';

const PART = 8 << 20;
const HALF = 4 << 20;
const SIZE = 20 << 20;

async function diskTests(tests, { page, go, server }) {
	await tests.run('disks: those of all machines, with what each is used for', async () => {
		await server.poolActive();
		const looked = (list) => list.items.every((machine) => machine.inventory) && list.items;
		const all = await server.until('/v1/machines', looked, 'machines that have told what they have');
		const machines = all.filter((machine) => machine.state === 'deployed');
		await go('/disks');
		await page.getByText(`${all.flatMap((machine) => machine.inventory.disks).length} disks in ${all.length} machines`).waitFor();
		for (const machine of machines)
			for (const disk of machine.inventory.disks) {
				const row = page.locator('tr', { hasText: disk.serial });
				await row.getByText(disk.serial === machine.install_disk.serial ? 'Host system' : /OSD \d/).waitFor();
				await row.getByRole('link', { name: machine.name, exact: true }).waitFor();
			}
	});
	await tests.run('disks: what is filtered and sorted is kept in the address', async () => {
		await page.getByRole('combobox', { name: 'Filter by State of the machine' }).selectOption('new');
		await page.waitForURL('**/disks?state=new');
		await page.reload();
		await settled(page);
		const uses = await page.locator('tbody tr[data-id] [data-label=Use]').allInnerTexts();
		assert(uses.length === 4 && uses.every((use) => use.trim() === 'Not in use'), `disks of new machines are said to be ${uses}`);
		await page.getByRole('combobox', { name: 'Filter by State of the machine' }).selectOption('deployed');
		await page.getByText('6 disks in 3 machines').waitFor();
		await page.locator('tbody tr[data-id]').first().getByRole('link').click();
		await page.waitForURL('**/machines/*?tab=disks');
		await page.getByRole('tabpanel').getByText(/OSD \d/).first().waitFor();
	});
}

async function licenceTests(tests, { page, go }) {
	await tests.run('about: every package and font has the text of its licence, which is read when it is wanted', async () => {
		const asked = [];
		page.on('request', (call) => call.url().endsWith('/licences.json') && asked.push(call.url()));
		await go('/');
		await page.locator('h1').first().waitFor();
		await settled(page);
		assert(asked.length === 0, 'the first load reads the licences');
		await go('/about');
		const open = page.getByRole('button', { name: /^Text of the licence/ });
		await open.first().waitFor();
		assert((await open.count()) > 20, `there are ${await open.count()} parts`);
		await page.getByRole('button', { name: 'Text of the licence MIT of react', exact: true }).click();
		await page.getByRole('dialog').getByText('Permission is hereby granted, free of charge').waitFor();
		await page.waitForURL('**/about?licence=react');
		await page.keyboard.press('Escape');
		await page.getByRole('dialog').waitFor({ state: 'detached' });
		await page.getByRole('button', { name: /OFL-1.1 of/ }).first().click();
		await page.getByRole('dialog').getByText('SIL OPEN FONT LICENSE').first().waitFor();
		await page.keyboard.press('Escape');
		const empty = await page.evaluate(async () => {
			const { parts, texts } = await (await fetch('/licences.json')).json();
			return parts.filter((part) => !part.texts.length || part.texts.some(({ text }) => !texts[text]?.trim())).map((part) => part.name);
		});
		assert(empty.length === 0, `without a text: ${empty}`);
	});
}

async function uploadTests(tests, { page, go, server, files, shots }) {
	const dialog = () => page.getByRole('dialog');
	const content = Buffer.alloc(SIZE);
	for (let i = 0; i < SIZE; i += 512) content.writeUInt32LE(i, i);
	writeFileSync(join(files, 'big.raw'), content);
	writeFileSync(join(files, 'other.raw'), content.subarray(0, 1 << 20));
	await tests.run('resume: an upload shows how far it is, goes on after the page was loaded again, and after a cut where the server is', async () => {
		await server.poolActive();
		await go('/images');
		await page.getByRole('button', { name: 'Add an image' }).click();
		await dialog().locator('input[name=name]').fill('big');
		await dialog().locator('input[type=file]').setInputFiles(join(files, 'big.raw'));
		const shows = (bytes) =>
			page.waitForFunction((part) => document.querySelector('[role=dialog] [role=progressbar][aria-valuenow]')?.ariaValueNow === part, String((bytes / SIZE) * 100));
		// The second part does not get through: the first is there when the page goes.
		await page.route('**/content', (route) => {
			const { 'upload-offset': offset } = route.request().headers();
			return route.request().method() === 'PATCH' && offset !== '0' ? undefined : route.continue();
		});
		await dialog().getByRole('button', { name: 'Upload' }).click();
		await server.until('/v1/images/big/content', (each) => each.offset_bytes === PART, 'the first part');
		await shows(PART);
		await dialog().getByRole('progressbar', { name: '8 MiB of 20 MiB' }).waitFor();
		await page.screenshot({ path: join(shots, 'image-upload.png') });
		await page.reload();
		await page.unroute('**/content');
		await page.getByRole('link', { name: 'big', exact: true }).click();
		await page.locator('.ingot-head [data-state=uploading]').waitFor();
		await page.getByRole('button', { name: 'Go on' }).click();
		await dialog().getByText('Choose the same file again (20 MiB)').waitFor();
		await dialog().locator('input[type=file]').setInputFiles(join(files, 'other.raw'));
		await dialog().getByText('This is another file').waitFor();
		assert(await dialog().getByRole('button', { name: 'Upload' }).isDisabled(), 'another file can be sent');
		await dialog().locator('input[type=file]').setInputFiles(join(files, 'big.raw'));
		const offsets = [];
		const shown = [];
		const halves = [];
		await page.route('**/content', async (route) => {
			if (route.request().method() !== 'PATCH') return route.continue();
			const offset = Number(route.request().headers()['upload-offset']);
			offsets.push(offset);
			// While a part is under way what is shown is what the server has.
			await shows(offset).then(() => shown.push(offset), () => undefined);
			if (offsets.length > 1) return route.continue();
			// The line breaks within the part, of which the first half has arrived: what the page cannot know.
			const half = content.subarray(PART, PART + HALF);
			const answer = await server.api('PATCH', '/v1/images/big/content', half, { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': offset });
			halves.push(answer.status);
			return route.abort('connectionreset');
		});
		await dialog().getByRole('button', { name: 'Upload' }).click();
		await dialog().waitFor({ state: 'detached' });
		await page.unroute('**/content');
		assert(halves.length === 1 && halves[0] < 300, `half a part was not taken: ${halves}`);
		assert(JSON.stringify(offsets) === JSON.stringify([PART, PART + HALF]), `parts were sent from ${offsets}, and the server had ${PART + HALF}`);
		assert(JSON.stringify(shown) === JSON.stringify(offsets), `progress was shown at ${shown} of ${SIZE}`);
		await page.locator('.ingot-head [data-state=available]').waitFor();
		const image = await server.must('GET', '/v1/images/big');
		assert(image.sha256 === createHash('sha256').update(content).digest('hex'), `what arrived is another content: ${JSON.stringify(image)}`);
	});
}

export async function partTests(tests, options) {
	if (!tests.wants('disks', 'about', 'resume')) return;
	const server = await Server.start(options.server, options.ui, { machines: 5, nodes: 3 });
	const files = mkdtempSync(join(tmpdir(), 'ingot-ui-files-'));
	const { page, context, wrong } = await open(server);
	const go = (path) => page.goto(server.url + path);
	try {
		await signIn(page, server);
		await diskTests(tests, { page, go, server });
		await licenceTests(tests, { page, go });
		await uploadTests(tests, { page, go, server, files, shots: options.shots });
		await tests.run('disks, about, resume: nothing in the console but what was provoked', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
		rmSync(files, { recursive: true, force: true });
	}
}
