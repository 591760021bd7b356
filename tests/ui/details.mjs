// SPDX-License-Identifier: GPL-3.0-or-later
// The pages of volumes, images, networks and pools: who uses what, why something failed, and what can be done about it.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { latinWords } from './looks.mjs';
import { Server, assert, open, picture, settled, signIn } from './world.mjs';

/** So much fits into the pool: what these tests make, and one volume more. */
const ROOM = 6;

/** A volume that the full pool has no room for, and one that is in its way. */
async function failedVolume(server) {
	for (let i = 0; i <= ROOM; i++) {
		const { id } = await server.must('POST', '/v1/volumes', { name: `many-${i}`, size_bytes: 1 << 20 });
		const made = await server.until(`/v1/volumes/${id}`, (each) => each.state !== 'creating' && each, 'a volume that is made, or is not');
		if (made.state === 'failed') return { failed: made, other: await server.must('GET', '/v1/volumes/many-0') };
	}
	throw new Error('they all fit: none has failed');
}

/** One whose deploy was called off when its disk had been written already. */
async function failedMachine(server) {
	const [fresh] = await server.until('/v1/machines?state=new', (list) => list.items.length && list.items, 'a machine that is new');
	await server.must('POST', `/v1/machines/${fresh.id}/accept`, {});
	const { inventory } = await server.until(`/v1/machines/${fresh.id}`, (each) => each.state === 'ready' && each.inventory && each, 'a machine that is ready');
	const task = await server.must('POST', `/v1/machines/${fresh.id}/deploy`, { disk: inventory.disks[0].serial });
	const late = ['DEPLOY_SWITCH', 'DEPLOY_START', 'DEPLOY_RESTART'];
	await server.until(`/v1/machines/${fresh.id}`, (each) => late.includes(each.step), 'a machine whose disk is written');
	await server.must('POST', `/v1/tasks/${task.id}/cancel`);
	return server.until(`/v1/machines/${fresh.id}`, (each) => each.state === 'failed' && each, 'a machine that failed');
}

async function linkTests(tests, { page, go, server }, { vm, network }) {
	const heading = (name) => page.locator('h1', { hasText: name }).waitFor();
	await tests.run('details: from a volume to its virtual machine, its image and its pool, and back by the tables', async () => {
		await go('/volumes');
		await page.getByRole('link', { name: 'web-disk', exact: true }).click();
		await heading('web-disk');
		assert(await page.getByRole('button', { name: 'Delete' }).isDisabled(), 'a volume in use can be deleted');
		await page.getByRole('link', { name: 'web', exact: true }).click();
		await page.waitForURL(`**/vms/${vm.id}`);
		await page.getByRole('link', { name: 'web-disk', exact: true }).click();
		await heading('web-disk');
		await page.getByRole('link', { name: 'guest', exact: true }).click();
		await heading('guest');
		await page.getByRole('link', { name: 'web-disk', exact: true }).waitFor();
		await page.getByRole('link', { name: 'default', exact: true }).click();
		await heading('default');
		await page.getByText('everything is kept in 3 copies').waitFor();
		await page.getByRole('link', { name: 'web-disk', exact: true }).waitFor();
		await page.getByRole('navigation', { name: 'Where you are' }).getByRole('link', { name: 'Pools' }).click();
		await page.getByRole('link', { name: 'default', exact: true }).waitFor();
	});
	await tests.run('details: the tab of a page is in its address; a pool shows the disks it is made of', async () => {
		const pool = (await server.must('GET', '/v1/pools')).items[0];
		await go(`/pools/${pool.id}`);
		await page.getByRole('tab', { name: 'Data disks' }).click();
		await page.waitForURL('**?tab=disks');
		await page.reload();
		const osds = (await server.must('GET', '/v1/nodes')).items.flatMap((node) => node.osds);
		assert(osds.length >= 3, 'there are no data disks');
		for (const { serial } of osds) await page.locator('tr', { hasText: serial }).first().waitFor();
		await page.getByRole('tab', { name: 'Timeline' }).click();
		await page.locator('.ingot-timeline > li').first().waitFor();
	});
	await tests.run('details: a network says who is in it, and is not lost without its name', async () => {
		await go('/networks');
		await page.getByRole('link', { name: 'dmz', exact: true }).click();
		await heading('dmz');
		await page.getByRole('link', { name: 'plugged', exact: true }).waitFor();
		await page.getByRole('button', { name: 'Delete' }).click();
		await page.getByRole('dialog').getByText('It cannot be deleted while').waitFor();
		await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
		await page.getByRole('tab', { name: 'Timeline' }).click();
		await page.locator('.ingot-timeline > li').first().waitFor();
		const events = await server.must('GET', `/v1/events?resource_id=${network.id}`);
		assert(events.items.length > 0, 'the network has no events');
	});
	await tests.run('details: events and tasks lead to what they are about', async () => {
		const volume = (await server.must('GET', '/v1/volumes')).items.find((each) => each.name === 'web-disk');
		await go('/tasks');
		await page.getByRole('link', { name: 'web-disk', exact: true }).first().click();
		await page.waitForURL(`**/volumes/${volume.id}`);
		await page.getByRole('tab', { name: 'Timeline' }).click();
		await page.getByText('Create volume').first().waitFor();
	});
}

/** What failed, in Korean: its kind and what to do are; what the server says in English only is marked as that. */
async function koreanFailures(tests, { server, shots }, { failed: volume }) {
	await tests.run('details: what failed says so in Korean, with what to do, and marks the server’s own words as English', async () => {
		const [task] = (await server.must('GET', `/v1/tasks?resource_id=${volume.id}&state=failed`)).items;
		const machine = await failedMachine(server);
		const { page, context, wrong } = await open(server, { language: 'ko' });
		const names = (await Promise.all(['images', 'machines', 'nodes', 'pools', 'users', 'vms', 'volumes'].map((list) => server.must('GET', `/v1/${list}`)))).flatMap((list) => list.items.map((each) => each.name));
		const inKorean = async (path, error, box) => {
			await page.goto(server.url + path);
			await page.locator(box).locator('[lang=en]', { hasText: error.text }).first().waitFor();
			await settled(page);
			const words = await latinWords(page, names);
			assert(words.length === 0, `${path}, not Korean: ${[...new Set(words)].join('\n')}`);
		};
		const helps = async (title, kind, remedy) => {
			const said = await page.locator('.ingot-problem').first().innerText();
			for (const each of [title, kind, remedy]) assert(said.includes(each), `“${each}” is missing: ${said}`);
		};
		await signIn(page, server);
		await inKorean('/', task.error, '.ingot-needs');
		await page.getByText(`${volume.name}의 작업이 실패했습니다`).waitFor();
		await page.getByText(`머신 ${machine.name} 실패`).waitFor();
		await picture(page, join(shots, 'failed-overview-ko.png'));
		await inKorean(`/volumes/${volume.id}`, volume.error, '.ingot-problem');
		await helps('실패했습니다', '공간이 부족했습니다', '공간을 비우거나 노드나 디스크를 추가한 뒤 다시 시도하세요.');
		await inKorean('/tasks', task.error, 'tbody');
		await inKorean(`/tasks?task=${task.id}`, task.error, '[role=dialog] .ingot-problem');
		await helps('실패했습니다', '공간이 부족했습니다', '공간을 비우거나 노드나 디스크를 추가한 뒤 다시 시도하세요.');
		await picture(page, join(shots, 'failed-task-ko.png'));
		await inKorean(`/machines/${machine.id}`, machine.error, '.ingot-problem');
		await helps('실패했습니다:', '취소되었습니다', '필요하면 다시 요청하세요.');
		await picture(page, join(shots, 'failed-machine-ko.png'));
		assert(wrong.length === 0, wrong.join('\n'));
		await context.close();
	});
}

async function failureTests(tests, { page, go, server, files, shots }) {
	const dialog = () => page.getByRole('dialog');
	const { failed: volume, other } = await failedVolume(server);
	await koreanFailures(tests, { server, shots }, { failed: volume });
	await tests.run('details: a volume whose creation failed says why, and is made again', async () => {
		await go(`/volumes/${volume.id}`);
		await page.locator('.ingot-head [data-state=failed]').waitFor();
		await page.locator('.ingot-problem', { hasText: volume.error.text }).waitFor();
		await server.must('DELETE', `/v1/volumes/${other.id}`);
		await server.until('/v1/volumes', (all) => all.items.every((each) => each.id !== other.id), 'room in the pool');
		await page.getByRole('button', { name: `Try the task of ${volume.name} again` }).click();
		await page.locator('.ingot-head [data-state=available]').waitFor();
		assert((await page.locator('.ingot-problem').count()) === 0, 'it still says that it failed');
		assert((await page.getByRole('button', { name: /again/ }).count()) === 0, 'what succeeded can be tried again');
	});
	await tests.run('details: a volume is deleted by its name, after what is lost was said', async () => {
		await page.getByRole('button', { name: 'Delete' }).click();
		await dialog().getByText('All 1 MiB of data on it are lost for good').waitFor();
		const name = await page.locator('.ingot-title').innerText();
		await dialog().getByRole('textbox').fill(name);
		await dialog().getByRole('button', { name: 'Delete' }).click();
		await page.waitForURL('**/volumes');
		await server.until('/v1/volumes', (list) => list.items.every((each) => each.name !== name), 'the volume goes');
	});
	await tests.run('details: an image with another content than was announced says so, and is sent again', async () => {
		const wanted = Buffer.alloc(1 << 20, 3);
		writeFileSync(join(files, 'right.raw'), wanted);
		const image = await server.must('POST', '/v1/images', { name: 'exact', size_bytes: 1 << 20, sha256: createHash('sha256').update(wanted).digest('hex') });
		await server.must('PUT', `/v1/images/${image.id}/content`, Buffer.alloc(1 << 20, 4));
		await server.until(`/v1/images/${image.id}`, (each) => each.state === 'failed', 'an image that was refused');
		await go(`/images/${image.id}`);
		await page.locator('.ingot-problem', { hasText: 'sha256: the content has' }).waitFor();
		await page.getByRole('button', { name: 'Send again' }).click();
		await dialog().locator('input[type=file]').setInputFiles(join(files, 'right.raw'));
		await dialog().getByRole('button', { name: 'Upload' }).click();
		await dialog().waitFor({ state: 'detached' });
		await page.locator('.ingot-head [data-state=available]').waitFor();
		await page.getByText('No volume was cloned from it').waitFor();
	});
	await tests.run('details: what is gone is not shown any more', async () => {
		const volume = await server.must('GET', '/v1/volumes/many-1');
		await go(`/volumes/${volume.id}`);
		await page.locator('h1', { hasText: 'many-1' }).waitFor();
		await server.must('DELETE', `/v1/volumes/${volume.id}`);
		await page.getByText('There is no such thing').waitFor();
		await page.getByRole('link', { name: 'Volumes' }).last().click();
		await page.waitForURL('**/volumes');
	});
}

export async function detailTests(tests, options) {
	if (!tests.wants('details')) return;
	const server = await Server.start(options.server, options.ui, { machines: 4, nodes: 3, room: ROOM });
	const files = mkdtempSync(join(tmpdir(), 'ingot-ui-files-'));
	const { page, context, wrong } = await open(server);
	const go = (path) => page.goto(server.url + path);
	try {
		await server.poolActive();
		const vm = await server.makeVm('web');
		const network = await server.must('POST', '/v1/networks', { name: 'dmz', vlan: 20 });
		await server.must('POST', '/v1/volumes', { name: 'plugged-disk', size_bytes: 1 << 30 });
		await server.until('/v1/volumes/plugged-disk', (each) => each.state === 'available', 'a volume');
		await server.must('POST', '/v1/vms', { name: 'plugged', volume: 'plugged-disk', memory_bytes: 1 << 30, networks: ['dmz'], start: false });
		await signIn(page, server);
		await linkTests(tests, { page, go, server }, { vm, network });
		await failureTests(tests, { page, go, server, files, shots: options.shots });
		await settled(page);
		await tests.run('details: nothing in the console but what was provoked', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
		rmSync(files, { recursive: true, force: true });
	}
}
