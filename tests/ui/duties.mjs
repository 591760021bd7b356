// SPDX-License-Identifier: GPL-3.0-or-later
// What comes up in the life of a cluster: tasks that are tried again, machines that join by a token, what BMCs know, and events in
// the language of the person.
import { Server, assert, open, signIn } from './world.mjs';

export async function dutyTests(tests, options) {
	if (!tests.wants('retry', 'join', 'bmc', 'events')) return;
	const server = await Server.start(options.server, options.ui, { machines: 3 });
	const { page, context, wrong } = await open(server);
	const dialog = () => page.getByRole('dialog');
	const go = (path) => page.goto(server.url + path);
	try {
		await signIn(page, server);
		const machines = (await server.until('/v1/machines?state=new', (list) => list.items.length === 3 && list, 'three machines')).items;
		const [machine] = machines;
		await server.must('POST', `/v1/machines/${machine.id}/accept`, { name: 'alpha' });
		await server.until(`/v1/machines/${machine.id}`, (each) => each.state === 'ready' && each.inventory, 'a machine that is ready and has told what it has');

		await tests.run('retry: a deploy that was cancelled is tried again, once, after its name was typed', async () => {
			const { inventory } = await server.must('GET', `/v1/machines/${machine.id}`);
			const disk = inventory.disks[0].serial;
			const first = await server.must('POST', `/v1/machines/${machine.id}/deploy`, { disk });
			await server.must('POST', `/v1/tasks/${first.id}/cancel`);
			await server.until(`/v1/tasks/${first.id}`, (task) => task.state === 'cancelled', 'a cancelled task');
			await go(`/tasks?task=${first.id}`);
			await dialog().getByRole('button', { name: 'Try the task of alpha again' }).click();
			const ask = dialog().last();
			await ask.getByText('is lost').first().waitFor();
			const again = ask.getByRole('button', { name: 'Try again' });
			assert(await again.isDisabled(), 'it is tried again without the name');
			await ask.getByRole('textbox').fill('alpha');
			await again.click();
			await page.waitForURL((url) => url.searchParams.get('task') !== first.id);
			const second = await server.must('GET', `/v1/tasks/${new URL(page.url()).searchParams.get('task')}`);
			assert(second.retry_of === first.id && second.action === 'machine.deploy', JSON.stringify(second));
			const now = await server.must('GET', `/v1/machines/${machine.id}`);
			assert(now.install_disk.serial === disk && now.task === second.id, 'it goes to another disk');
			// The first one leads to the second, and cannot be tried again.
			await dialog().getByRole('link', { name: 'It tries another task again' }).click();
			await dialog().getByRole('link', { name: 'It was tried again' }).waitFor();
			assert((await dialog().getByRole('button', { name: /again/ }).count()) === 0, 'it can be tried again twice');
			const refused = await server.api('POST', `/v1/tasks/${first.id}/retry`);
			assert(refused.status === 409 && refused.json.detail.includes(second.id), refused.text);
		});
		await tests.run('retry: what succeeded is not tried again, and the refusal says why', async () => {
			await server.until(`/v1/machines/${machine.id}`, (each) => each.state === 'deployed', 'a deployed machine');
			const off = await server.must('POST', `/v1/machines/${machines[1].id}/power`, { action: 'on' });
			await server.until(`/v1/tasks/${off.id}`, (task) => task.state === 'succeeded', 'a machine that is on');
			const refused = await server.api('POST', `/v1/tasks/${off.id}/retry`);
			assert(refused.status === 409 && refused.json.detail.includes('has succeeded'), refused.text);
		});

		await tests.run('join: a token is made with its life, shown once, and says how a machine joins', async () => {
			await go('/join-tokens');
			await page.getByText('How a machine joins that cannot boot from the network').waitFor();
			await page.getByText('No join tokens yet').waitFor();
			await page.getByRole('button', { name: 'Create a join token' }).click();
			await dialog().locator('input[name=name]').fill('rack2');
			await dialog().locator('input[name=uses]').fill('1001');
			await dialog().getByText('1000 or less').waitFor();
			await dialog().locator('input[name=uses]').fill('3');
			await dialog().locator('select[name=expires_at]').selectOption('1');
			await dialog().getByRole('button', { name: 'Create' }).click();
			const text = (await page.locator('pre').innerText()).trim();
			await dialog().getByRole('button', { name: 'Copy' }).click();
			await dialog().getByRole('button', { name: 'Copied' }).waitFor();
			assert((await page.evaluate(() => navigator.clipboard.readText())) === text, 'another text was copied');
			await dialog().getByRole('button', { name: 'Close' }).last().click();
			assert(!(await page.content()).includes(text), 'the token is still in the page');
			const [made] = (await server.must('GET', '/v1/join-tokens')).items;
			const left = Date.parse(made.expires_at) - Date.now();
			assert(made.uses === 3 && left > 50 * 60000 && left <= 60 * 60000, JSON.stringify(made));
			await page.locator('tr', { hasText: 'rack2' }).getByText('0 of 3').waitFor();
		});
		await tests.run('join: a token is revoked by its name', async () => {
			await page.getByRole('button', { name: 'Revoke rack2' }).click();
			const revoke = dialog().getByRole('button', { name: 'Revoke' });
			assert(await revoke.isDisabled(), 'it is revoked without its name');
			await dialog().getByRole('textbox').fill('rack2');
			await revoke.click();
			await page.getByText('No join tokens yet').waitFor();
			assert((await server.must('GET', '/v1/join-tokens')).items.length === 0, 'it is still there');
		});

		await tests.run('bmc: sensors are read when they are looked at, and again when asked for', async () => {
			await go(`/machines/${machine.id}`);
			await page.getByRole('tab', { name: 'Sensors' }).click();
			await page.locator('tr', { hasText: 'Inlet Temp' }).getByText('31 C').waitFor();
			await page.locator('tr', { hasText: 'Fan 1' }).getByText('4,200 RPM').waitFor();
			const readings = [];
			page.on('request', (request) => request.url().endsWith('/sensors') && readings.push(request.url()));
			await page.getByRole('button', { name: 'Read again' }).click();
			await page.getByRole('button', { name: 'Read again' }).waitFor();
			assert(readings.length === 1, `it was read ${readings.length} times`);
		});
		await tests.run('bmc: the event log is shown, the newest first, with what is over', async () => {
			await page.getByRole('tab', { name: 'Event log' }).click();
			await page.getByText('The newest 3 of 3 entries').waitFor();
			const rows = await page.locator('tbody tr').allInnerTexts();
			assert(rows.length === 3 && rows[0].includes('No time') && rows[1].includes('Over:') && rows[2].includes('Critical'), JSON.stringify(rows));
			assert(rows[2].includes('Power Supply input lost'), rows[2]);
		});
		await tests.run('events: in Korean, with names and the words of the API', async () => {
			const korean = await open(server, { language: 'ko' });
			await signIn(korean.page, server);
			await korean.page.goto(`${server.url}/events`);
			await korean.page.getByText('alpha의 하드웨어를 기록했습니다').or(korean.page.getByText('alpha을(를) 받아들였습니다')).first().waitFor();
			await korean.page.getByText('머신 검사 시작됨').first().waitFor();
			const text = await korean.page.locator('#main').innerText();
			assert(!/is deployed|was accepted|was inventoried/.test(text), 'an event is in English');
			await korean.page.goto(`${server.url}/machines/${machine.id}?tab=timeline`);
			await korean.page.getByText('alpha을(를) 받아들였습니다').waitFor();
			assert(korean.wrong.length === 0, korean.wrong.join('\n'));
			await korean.context.close();
		});
		await tests.run('retry, join, bmc: nothing in the console but what was provoked', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
	}
}
