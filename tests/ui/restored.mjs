// SPDX-License-Identifier: GPL-3.0-or-later
// An older state of the provisioner has come back: which nodes are awaited, and what it means to confirm that one is off.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Server, assert, open, signIn } from './world.mjs';

export async function restoredTests(tests, options) {
	if (!tests.wants('restored')) return;
	const server = await Server.start(options.server, options.ui, { machines: 3, nodes: 3 });
	try {
		await server.poolActive();
		const vm = await server.makeVm('web');
		const { node: id } = await server.must('GET', `/v1/vms/${vm.id}`);
		const node = await server.must('GET', `/v1/nodes/${id}`);
		const power = async (action) => {
			const task = await server.must('POST', `/v1/machines/${node.machine}/power`, { action });
			await server.until(`/v1/tasks/${task.id}`, (each) => each.state === 'succeeded', `power ${action}`);
			await server.until(`/v1/machines/${node.machine}`, (each) => each.power === action, `a machine that is ${action}`);
		};
		await tests.run('restored: before it nothing needs anybody', async () => {
			const healthy = await open(server);
			await signIn(healthy.page, server);
			await healthy.page.getByText('Nothing needs you.').waitFor();
			await healthy.page.goto(`${server.url}/nodes/${id}`);
			const machine = await server.must('GET', `/v1/machines/${node.machine}`);
			await healthy.page.locator('dd').getByRole('link', { name: machine.name, exact: true }).waitFor();
			assert(healthy.wrong.length === 0, healthy.wrong.join('\n'));
			await healthy.context.close();
		});
		await server.kill();
		// A database without its mark may be an old one; the simulated machines have lost their power meanwhile.
		rmSync(join(server.dir, 'mark'));
		await server.restart();
		const { page, context, wrong } = await open(server);
		const dialog = () => page.getByRole('dialog');
		const confirm = () => dialog().getByRole('button', { name: 'Confirm that it is off' });
		await signIn(page, server);

		await tests.run('restored: a node that is awaited and silent needs somebody, and the overview leads to it', async () => {
			await page.getByText(`Node ${node.name} is awaited`).waitFor();
			await page.locator('.ingot-needs').getByText('An older state of the provisioner has come back').first().waitFor();
			await page.locator('.ingot-needs').getByText('nobody knows whether it runs').waitFor();
			await page.locator('.ingot-needs').getByText('Its node has not said what it runs').waitFor();
			await page.screenshot({ path: join(options.shots, 'restored-overview.png') });
			await page.locator('.ingot-needs .pf-v6-c-alert', { hasText: `Node ${node.name} is awaited` }).getByRole('link', { name: 'Look' }).click();
			await page.locator('.ingot-title', { hasText: node.name }).waitFor();
			await page.locator('.ingot-awaited').getByText('still runs its virtual machines: bring it back').waitFor();
		});
		await tests.run('restored: to confirm says what it means and what ran there, and is refused while the BMC says that it is on', async () => {
			await power('on');
			await page.getByRole('button', { name: `Confirm that ${node.name} is off` }).click();
			await dialog().getByText('its virtual machines run twice').waitFor();
			await dialog().getByText('it ran: web').waitFor();
			await dialog().getByText('as its BMC says: On').waitFor();
			assert(await confirm().isDisabled(), 'it is confirmed without the name');
			await dialog().getByRole('textbox').fill(node.name);
			await page.screenshot({ path: join(options.shots, 'restored-confirm.png') });
			await confirm().click();
			await dialog().getByText('says that it is on').waitFor();
			assert((await server.must('GET', `/v1/nodes/${id}`)).awaited, 'it is confirmed all the same');
			await dialog().getByRole('button', { name: 'Cancel' }).click();
		});
		await tests.run('restored: once it is off it is confirmed, and awaited no more', async () => {
			await power('off');
			await page.getByRole('button', { name: `Confirm that ${node.name} is off` }).click();
			await dialog().getByText('as its BMC says: Off').waitFor();
			assert((await dialog().getByText('says that it is on').count()) === 0, 'the old refusal is still shown');
			await dialog().getByRole('textbox').fill(node.name);
			await confirm().click();
			await dialog().waitFor({ state: 'detached' });
			await page.locator('.ingot-awaited').waitFor({ state: 'detached' });
			assert(!(await server.must('GET', `/v1/nodes/${id}`)).awaited, 'it is still awaited');
		});
		await tests.run('restored: the list of nodes says which are left, and the last one ends it; in Korean', async () => {
			const korean = await open(server, { language: 'ko' });
			await signIn(korean.page, server);
			await korean.page.goto(`${server.url}/nodes`);
			await korean.page.getByText('기다리는 노드: 2대').waitFor();
			await korean.page.locator('tr [data-awaited]').nth(1).waitFor();
			assert((await korean.page.locator('tr [data-awaited]').count()) === 2, 'others are said to be awaited');
			await korean.page.screenshot({ path: join(options.shots, 'restored-nodes-ko.png') });
			for (const { name } of (await server.must('GET', '/v1/nodes')).items.filter((each) => each.awaited)) {
				await korean.page.getByRole('button', { name: `${name}이(가) 꺼졌음을 확인` }).click();
				await korean.page.getByRole('dialog').getByText('가상 머신이 두 번 실행되어').waitFor();
				await korean.page.getByRole('dialog').getByRole('textbox').fill(name);
				await korean.page.getByRole('dialog').getByRole('button', { name: '꺼졌음을 확인' }).click();
				await korean.page.getByRole('dialog').waitFor({ state: 'detached' });
			}
			await korean.page.locator('.ingot-awaited').waitFor({ state: 'detached' });
			await korean.page.locator('[data-awaited]').first().waitFor({ state: 'detached' });
			assert(korean.wrong.length === 0, korean.wrong.join('\n'));
			await korean.context.close();
			await page.goto(`${server.url}/events`);
			await page.getByText('no node is awaited any more').waitFor();
		});
		await tests.run('restored: nothing in the console', async () => assert(wrong.length === 0, wrong.join('\n')));
		await context.close();
	} finally {
		await server.stop();
	}
}
