// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of many machines at once: who they are and what they lose is said, only that is sent, and nothing of it goes on unseen.
// And what goes wrong with the page itself.
import { join } from 'node:path';
import { Server, assert, open, signIn } from './world.mjs';

/** Holds what the page sends to such addresses until let() says that it may go on, and keeps what was sent. */
async function hold(page, pattern) {
	const held = { sent: [], waiting: [], open: false };
	await page.route(pattern, (route) => {
		if (route.request().method() !== 'POST') return route.continue();
		held.sent.push({ id: /machines\/([^/]+)\//.exec(route.request().url())[1], body: route.request().postDataJSON() });
		if (held.open) return route.continue();
		held.waiting.push(route);
		return undefined;
	});
	held.let = async () => {
		held.open = true;
		await Promise.all(held.waiting.splice(0).map((route) => route.continue()));
	};
	held.end = () => page.unroute(pattern);
	return held;
}

export async function bulkTests(tests, options) {
	if (!tests.wants('bulk', 'mishap')) return;
	const server = await Server.start(options.server, options.ui, { machines: 9, nodes: 3 });
	const { page, context, wrong } = await open(server);
	const dialog = () => page.getByRole('dialog');
	const choose = (name) => page.locator('.ingot-selection').getByRole('button', { name, exact: true });
	const listed = () => dialog().locator('[data-asked]').evaluateAll((all) => all.map((each) => each.dataset.asked).sort());
	const machines = async (query) => (await server.must('GET', `/v1/machines?${query}`)).items;
	const idsOf = (list) => list.map((machine) => machine.id).sort().join();
	try {
		await server.poolActive();
		await server.until('/v1/machines?state=new', (list) => list.items.length === 6, 'six new machines');
		await signIn(page, server);

		await tests.run('bulk: one machine is switched off by its name, and on again; it is forgotten by its name only', async () => {
			const [machine] = await machines('state=new');
			await page.goto(`${server.url}/machines/${machine.id}`);
			const button = (name) => page.locator('.ingot-head').getByRole('button', { name, exact: true });
			await button('Delete').click();
			assert(await dialog().getByRole('button', { name: 'Delete' }).isDisabled(), 'it is forgotten without its name');
			await dialog().getByRole('button', { name: 'Cancel' }).click();
			await button('Switch off').click();
			await dialog().getByText('what runs on it is cut off').waitFor();
			const off = dialog().getByRole('button', { name: 'Switch off' });
			assert(await off.isDisabled(), 'it is switched off without its name');
			await dialog().getByRole('textbox').fill(machine.name);
			await off.click();
			await dialog().waitFor({ state: 'detached' });
			await button('Switch on').click();
			assert((await server.must('GET', `/v1/machines/${machine.id}`)).power === 'off', 'it is not off');
			await dialog().getByRole('button', { name: 'Switch on' }).click();
			await dialog().waitFor({ state: 'detached' });
			await button('Switch off').waitFor();
			assert((await server.must('GET', `/v1/machines/${machine.id}`)).power === 'on', 'it is not on');
		});
		await tests.run('bulk: what is selected is named first, stays in sight while it is asked, and stops when it is told to', async () => {
			await page.goto(`${server.url}/machines?state=new`);
			await page.getByText('6 in all').waitFor();
			await page.getByRole('checkbox', { name: 'Select all rows shown' }).check();
			await choose('Accept').click();
			await dialog().locator('[data-asked]').nth(5).waitFor();
			const held = await hold(page, '**/accept');
			await dialog().getByRole('button', { name: 'Accept' }).click();
			await dialog().getByText('Done: 0 · failed: 0 · of 6').waitFor();
			await page.keyboard.press('Escape');
			await dialog().getByRole('button', { name: 'Stop after those under way' }).click();
			assert(await dialog().getByRole('button', { name: 'Close' }).isDisabled(), 'it can be closed while it runs');
			await held.let();
			// Those that were accepted match the filter no more: the table's selection has ended, the dialog has not.
			await dialog().getByText('Done: 4 · failed: 0 · of 6 Stopped; not asked: 2.').waitFor();
			assert(held.sent.length === 4, `${held.sent.length} were asked`);
			await held.end();
			await page.keyboard.press('Escape');
			await dialog().waitFor({ state: 'detached' });
			await page.getByText('2 in all').waitFor();
		});
		await tests.run('bulk: all at last, also when nothing matches any more while it runs', async () => {
			await page.getByRole('checkbox', { name: 'Select all rows shown' }).check();
			await choose('Accept').click();
			await dialog().locator('[data-asked]').nth(1).waitFor();
			await dialog().getByRole('button', { name: 'Accept' }).click();
			await page.getByText('Nothing matches').waitFor();
			await dialog().getByText('Done: 2 · failed: 0 · of 2').waitFor();
			await dialog().getByRole('button', { name: 'Close' }).last().click();
			await server.until('/v1/machines?state=ready', (list) => list.items.length === 6, 'six ready machines');
		});
		await tests.run('bulk: a deploy names each machine’s disks and who is left out; only the disks that were shown are sent', async () => {
			const before = await machines('state=ready');
			await page.goto(`${server.url}/machines`);
			await page.getByText('9 in all').waitFor();
			await page.getByRole('checkbox', { name: 'Select all rows shown' }).check();
			await choose('Deploy').click();
			await dialog().getByText('What is on the disks of these machines is lost').waitFor();
			assert((await listed()).join() === idsOf(before), 'others are listed');
			for (const machine of before) {
				const [boot] = machine.inventory.disks;
				const line = await dialog().locator(`[data-asked="${machine.id}"]`).innerText();
				for (const part of [machine.name, boot.serial, '12 GiB', boot.model, 'and 1 more (64 GiB) for storage']) assert(line.includes(part), `${line}: ${part}`);
			}
			const nodes = (await machines('state=deployed')).map((machine) => machine.name);
			const left = await dialog().getByText('Left out').innerText();
			assert(nodes.length === 3 && nodes.every((name) => left.includes(name)), left);
			const deploy = dialog().getByRole('button', { name: 'Deploy' });
			assert(await deploy.isDisabled(), 'it deploys without the number');
			await dialog().getByRole('textbox').fill('9');
			assert(await deploy.isDisabled(), 'the number of all that were selected is enough');
			await page.screenshot({ path: join(options.shots, 'bulk-deploy.png') });
			// One of them is taken by somebody else meanwhile.
			await server.must('POST', `/v1/machines/${before[0].id}/deploy`, { disk: before[0].inventory.disks[0].serial });
			const held = await hold(page, '**/deploy');
			await held.let();
			await dialog().getByRole('textbox').fill('6');
			await deploy.click();
			await dialog().getByText('Done: 5 · failed: 1 · of 6').waitFor();
			const line = await dialog().locator(`[data-result="${before[0].id}"]`).innerText();
			for (const part of ['Not possible in the present state', 'Wait until what is under way has ended']) assert(line.includes(part), line);
			const sent = held.sent.map(({ id, body }) => `${id} ${JSON.stringify(body)}`).sort();
			const shown = before.map((machine) => `${machine.id} ${JSON.stringify({ disk: machine.inventory.disks[0].serial })}`).sort();
			assert(sent.join() === shown.join(), sent.join('\n'));
			await held.end();
			await dialog().getByRole('button', { name: 'Close' }).last().click();
			await server.until('/v1/machines?state=deployed', (list) => list.items.length === 9, 'nine deployed machines');
		});
		await tests.run('bulk: to switch off says which virtual machines are cut off, for many and for one', async () => {
			const vm = await server.makeVm('web');
			const { node } = await server.must('GET', `/v1/vms/${vm.id}`);
			const { machine } = await server.must('GET', `/v1/nodes/${node}`);
			await page.goto(`${server.url}/machines`);
			await page.getByText('9 in all').waitFor();
			await page.getByRole('checkbox', { name: 'Select all rows shown' }).check();
			await choose('Switch off').click();
			await dialog().locator('[data-asked]').nth(8).waitFor();
			const line = async (id) => dialog().locator(`[data-asked="${id}"]`).innerText();
			assert((await line(machine)).includes('a node; cut off: web'), await line(machine));
			const other = (await machines('state=deployed')).find((each) => each.id !== machine);
			assert((await line(other.id)).includes('no virtual machine runs on it'), await line(other.id));
			await page.screenshot({ path: join(options.shots, 'bulk-off.png') });
			await dialog().getByRole('button', { name: 'Cancel' }).click();
			await page.goto(`${server.url}/machines/${machine}`);
			await page.getByRole('button', { name: 'Switch off', exact: true }).click();
			await dialog().getByText('Cut off: web').waitFor();
			await dialog().getByRole('button', { name: 'Cancel' }).click();
		});
		await tests.run('bulk: in Korean', async () => {
			const korean = await open(server, { language: 'ko' });
			await signIn(korean.page, server);
			await korean.page.goto(`${server.url}/machines`);
			await korean.page.locator('tr[data-id]').nth(8).waitFor();
			await korean.page.getByRole('checkbox', { name: '표시된 행 모두 선택' }).check();
			await korean.page.locator('.ingot-selection').getByRole('button', { name: '끄기', exact: true }).click();
			await korean.page.getByRole('dialog').getByText('노드, 중단됨: web').waitFor();
			await korean.page.screenshot({ path: join(options.shots, 'bulk-off-ko.png') });
			assert(korean.wrong.length === 0, korean.wrong.join('\n'));
			await korean.context.close();
		});
		await tests.run('bulk: nothing in the console', async () => assert(wrong.length === 0, wrong.join('\n')));
		await tests.run('mishap: a screen that cannot be loaded says so, the others go on, and to load the page again helps', async () => {
			const other = await open(server);
			await signIn(other.page, server);
			await other.page.route('**/assets/networks-*.js', (route) => route.abort('connectionreset'));
			const to = (name) => other.page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
			await to('Networks');
			await other.page.getByRole('alert').getByText('This screen has failed').waitFor();
			await other.page.screenshot({ path: join(options.shots, 'fallen.png') });
			await to('Volumes');
			await other.page.locator('h1', { hasText: 'Volumes' }).waitFor();
			assert((await other.page.getByText('This screen has failed').count()) === 0, 'it is still said to have failed');
			await other.page.unroute('**/assets/networks-*.js');
			await to('Networks');
			await other.page.getByRole('button', { name: 'Load the page again' }).click();
			await other.page.locator('h1', { hasText: 'Networks' }).waitFor();
			await other.context.close();
		});
		await tests.run('mishap: a sign-out that is not answered is said to be perhaps none; a session that has ended is left', async () => {
			const other = await open(server);
			await signIn(other.page, server);
			const out = other.page.getByRole('button', { name: 'Sign out' });
			await other.page.route('**/v1/session', (route) => (route.request().method() === 'DELETE' ? route.abort('connectionreset') : route.continue()));
			await out.click();
			await other.page.getByRole('alert').getByText('You may still be signed in.').waitFor();
			await other.page.getByRole('alert').getByText('No answer came: whether it was done is not known').waitFor();
			await other.page.unroute('**/v1/session');
			await other.context.clearCookies();
			await out.click();
			await other.page.locator('input[name=password]').waitFor();
			assert(other.wrong.length === 0, other.wrong.join('\n'));
			await other.context.close();
		});
	} finally {
		await context.close();
		await server.stop();
	}
}
