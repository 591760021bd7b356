// SPDX-License-Identifier: GPL-3.0-or-later
// What comes up in the life of a cluster: tasks that are tried again, machines that join by a token, what BMCs know, and events in
// the language of the person.
import { join } from 'node:path';
import { Server, assert, open, settled, signIn } from './world.mjs';

async function tableTest(tests, { page, go, server }, machine) {
	await tests.run('table: reading it again is seen, and not read aloud', async () => {
		await go('/machines');
		await page.getByText('3 in all').waitFor();
		await settled(page);
		const regions = await page.evaluate(() => {
			window.said = [];
			const observer = new MutationObserver((changes) => window.said.push(...changes.map((change) => change.target.textContent)));
			const live = document.querySelectorAll('.ingot-toolbar [aria-live]');
			live.forEach((region) => observer.observe(region, { childList: true, characterData: true, subtree: true }));
			return live.length;
		});
		assert(regions === 1, `${regions} places are read aloud`);
		let release;
		const held = new Promise((resolve) => (release = resolve));
		await page.route(/\/v1\/machines\?/, async (route) => {
			await held;
			await route.continue();
		});
		await server.must('POST', `/v1/machines/${machine.id}/power`, { action: 'on' });
		const spinner = page.locator('.ingot-count .pf-v6-c-spinner');
		await spinner.waitFor();
		release();
		await spinner.waitFor({ state: 'detached' });
		const said = await page.evaluate(() => window.said);
		assert(said.length === 0, `it was read aloud again: ${said}`);
		await page.unroute(/\/v1\/machines\?/);
	});
}

/** Presses the button for older ones until there are none. */
async function readOn(page) {
	const earlier = page.getByRole('button', { name: 'Show earlier ones' });
	for (let pages = 1; ; pages++) {
		await settled(page);
		if ((await earlier.count()) === 0) return pages;
		assert(pages < 100, 'there is no end of earlier ones');
		const before = await page.locator('.ingot-timeline > li').count();
		await earlier.click();
		await page.waitForFunction((count) => document.querySelectorAll('.ingot-timeline > li').length > count || !document.querySelector('.ingot-timeline ~ button'), before);
	}
}

async function eventTests(tests, { page, go, server }, machine) {
	if (!tests.wants('events', 'timeline')) return;
	const OTHERS = 120;
	const times = (list) => list.locator('time').evaluateAll((all) => all.map((each) => each.getAttribute('datetime')));
	const newestFirst = (list) => list.every((each, index) => index === 0 || each <= list[index - 1]);
	const history = `/v1/events?resource_id=${machine.id}&limit=1000`;
	const { state, inventory } = await server.until(`/v1/machines/${machine.id}`, (each) => each.inventory && each, 'an inventory');
	if (state === 'ready') await server.must('POST', `/v1/machines/${machine.id}/deploy`, { disk: inventory.disks[0].serial });
	await server.until(`/v1/machines/${machine.id}`, (each) => each.state === 'deployed', 'a deployed machine');
	for (let i = 0; i < OTHERS; i++) await server.must('POST', '/v1/tokens', { name: `other-${i}` });
	await tests.run('events: older ones are read on, and those of one kind found among many', async () => {
		await go('/events');
		await page.getByText('100 events, the newest first').waitFor();
		assert((await readOn(page)) > 1, 'there was but one page');
		const all = (await server.must('GET', '/v1/events?limit=1000')).items.map((each) => each.id);
		await page.locator(`[data-event="${all.at(-1)}"]`).waitFor();
		const shown = await page.locator('[data-event]').evaluateAll((list) => list.map((each) => each.dataset.event));
		assert(all.length > 100 && all.every((id) => shown.includes(id)) && new Set(shown).size === shown.length, `${shown.length} of ${all.length} are shown`);
		await page.getByRole('combobox', { name: 'Filter by Kind' }).selectOption('machine');
		await page.waitForURL('**/events?resource=machine');
		await page.locator('[data-event] > span').filter({ hasNotText: /^Machine / }).first().waitFor({ state: 'detached' });
		await page.getByText('alpha was accepted').waitFor();
		await settled(page);
		const kinds = await page.locator('[data-event] > span').allInnerTexts();
		assert(kinds.length > 0 && kinds.every((text) => text.startsWith('Machine ')), kinds.join('\n'));
		const unknown = await server.api('GET', '/v1/events?colour=red');
		assert(unknown.status === 400 && unknown.json.field === 'colour', unknown.text);
	});
	await tests.run('timeline: what happened to a machine is there after a hundred things that happened to others, with its tasks’ logs', async () => {
		const { id: accepted } = (await server.must('GET', history)).items.find((each) => each.kind === 'machine.accepted');
		assert((await server.must('GET', `/v1/events?after=${accepted}&kind=token.created&limit=1000`)).items.length === OTHERS, 'too little happened to others');
		await go(`/machines/${machine.id}?tab=timeline`);
		await page.getByText('alpha was accepted').waitFor();
		await settled(page);
		const { items } = await server.must('GET', `/v1/tasks?resource_id=${machine.id}&limit=1000`);
		const lines = items.flatMap((task) => task.log).map((line) => line.slice(line.indexOf(' ') + 1));
		assert(lines.some((line) => line.startsWith('installer: ')), `the tasks have no logs: ${lines}`);
		const text = await page.locator('.ingot-timeline').innerText();
		for (const line of lines) assert(text.includes(`Log: ${line}`), `it lacks ${line}`);
		assert(newestFirst(await times(page.locator('.ingot-timeline'))), 'it is out of order');
	});
	await tests.run('timeline: older moments are read on, without a hole in between', async () => {
		// Pages of three, of the server as of a machine with a long life.
		await page.route(/\/v1\/(events|tasks)\?/, (route) => route.continue({ url: route.request().url().replace(/limit=\d+/, 'limit=3') }));
		await go(`/machines/${machine.id}?tab=timeline`);
		await page.getByRole('button', { name: 'Show earlier ones' }).waitFor();
		await settled(page);
		const list = page.locator('.ingot-timeline');
		const first = await times(list);
		const began = (await server.must('GET', history)).items[0].time;
		assert(first.length > 0 && !first.includes(began), 'the first page has everything');
		assert((await readOn(page)) > 2, 'it was not read in pages');
		const whole = await times(list);
		assert(whole.includes(began) && newestFirst(whole), 'the beginning is missing, or out of order');
		assert(JSON.stringify(whole.slice(0, first.length)) === JSON.stringify(first), 'moments came in between those that were shown');
		await page.unroute(/\/v1\/(events|tasks)\?/);
	});
}

/** The password is typed and sent, and is nowhere in the page or in an answer afterwards. */
async function rangeTests(tests, { page, go, server, dialog }) {
	const PASSWORD = 'Never-Shown-1234';
	const row = () => page.locator('tr', { hasText: 'rack1' });
	await tests.run('ranges: what is no range is refused beside its field', async () => {
		await go('/settings');
		await page.getByRole('main').getByRole('link', { name: 'BMC addresses' }).click();
		await page.getByText('BMCs are looked for nowhere yet').waitFor();
		await page.getByRole('button', { name: 'Add a range' }).click();
		await dialog().locator('input[name=name]').fill('rack1');
		await dialog().locator('input[name=range]').fill('10.77.0.103-10.77.0.101');
		await dialog().locator('input[name=user]').fill('root');
		await dialog().locator('input[name=password]').fill('x'.repeat(21));
		await dialog().getByText('20 ', { exact: false }).first().waitFor();
		assert(await dialog().getByRole('button', { name: 'Create' }).isDisabled(), 'too long a password is sent');
		await dialog().locator('input[name=password]').fill(PASSWORD);
		await dialog().getByRole('button', { name: 'Create' }).click();
		await dialog().getByText('ends before it begins').first().waitFor();
	});
	await tests.run('ranges: one is added, and scanned at once', async () => {
		await dialog().locator('input[name=range]').fill('10.77.0.101-10.77.0.110');
		await dialog().getByRole('button', { name: 'Create' }).click();
		await row().getByText('3 of 10 addresses answered').waitFor();
		await dialog().waitFor({ state: 'detached' });
		assert(!(await page.content()).includes(PASSWORD), 'the password is still in the page');
		for (const path of ['/v1/bmc-ranges', '/v1/bmc-ranges/rack1', '/v1/events?limit=1000', '/v1/audit?limit=1000'])
			assert(!JSON.stringify(await server.must('GET', path)).includes(PASSWORD), `${path} has the password`);
	});
	await tests.run('ranges: a new password is taken, and the user kept', async () => {
		await page.getByRole('button', { name: 'Edit rack1' }).click();
		assert((await dialog().locator('input[name=password]').inputValue()) === '', 'the password came back');
		await dialog().locator('input[name=password]').fill('another');
		await dialog().getByRole('button', { name: 'Save' }).click();
		await dialog().waitFor({ state: 'detached' });
		await server.until('/v1/bmc-ranges/rack1', (range) => range.scanned_at && range.user === 'root' && range, 'a range that was scanned anew');
	});
	await tests.run('ranges: one is deleted by its name', async () => {
		await page.getByRole('button', { name: 'Delete rack1' }).click();
		const confirm = dialog().getByRole('button', { name: 'Delete' });
		assert(await confirm.isDisabled(), 'it is deleted without its name');
		await dialog().getByRole('textbox').fill('rack1');
		await confirm.click();
		await page.getByText('BMCs are looked for nowhere yet').waitFor();
		assert((await server.must('GET', '/v1/bmc-ranges')).items.length === 0, 'it is still there');
	});
}

export async function dutyTests(tests, options) {
	if (!tests.wants('retry', 'join', 'ranges', 'bmc', 'events', 'timeline', 'table')) return;
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

		await tests.run('retry: a deploy that was cancelled in the drawer, which follows from screen to screen, is tried again, once, after its name was typed', async () => {
			const { inventory } = await server.must('GET', `/v1/machines/${machine.id}`);
			const { serial: disk, model } = inventory.disks[0];
			await go('/machines');
			await page.getByRole('button', { name: /^Tasks:/ }).click();
			const drawer = page.locator('.ingot-drawer');
			await drawer.getByText('No task is running').waitFor();
			await page.getByRole('link', { name: 'Nodes', exact: true }).click();
			await page.getByRole('heading', { level: 1, name: 'Nodes' }).waitFor();
			// The drawer follows whoever goes on to another screen.
			const first = await server.must('POST', `/v1/machines/${machine.id}/deploy`, { disk });
			const cancel = drawer.getByRole('button', { name: 'Cancel the task of alpha' });
			await cancel.waitFor();
			await page.screenshot({ path: join(options.shots, 'drawer-task.png') });
			await cancel.click();
			await server.until(`/v1/tasks/${first.id}`, (task) => task.state === 'cancelled', 'a cancelled task');
			await go(`/tasks?task=${first.id}`);
			await dialog().getByRole('button', { name: 'Try the task of alpha again' }).click();
			const ask = dialog().last();
			await ask.getByText(`Everything on disk ${disk} (`).waitFor();
			await ask.getByText(model).waitFor();
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

		await rangeTests(tests, { page, go, server, dialog });

		await tests.run('bmc: sensors are read when they are looked at, and again when asked for', async () => {
			await go(`/machines/${machine.id}`);
			await page.getByRole('tab', { name: 'Sensors' }).click();
			await page.locator('tr', { hasText: 'Inlet Temp' }).getByText('31 °C').waitFor();
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
			// Times are those of the browser's zone: Seoul is nine hours ahead, without summer time.
			const stamp = korean.page.locator('.ingot-timeline time').first();
			const at = new Date(await stamp.getAttribute('datetime'));
			const hour = (at.getUTCHours() + 9) % 24;
			const clock = `${hour < 12 ? '오전' : '오후'} ${hour % 12 || 12}:${String(at.getUTCMinutes()).padStart(2, '0')}`;
			assert((await stamp.innerText()).includes(clock), `${await stamp.innerText()} is not ${clock}`);
			await korean.page.goto(`${server.url}/machines/${machine.id}?tab=timeline`);
			await korean.page.getByText('alpha을(를) 받아들였습니다').waitFor();
			assert(korean.wrong.length === 0, korean.wrong.join('\n'));
			await korean.context.close();
		});
		await tableTest(tests, { page, go, server }, machines[2]);
		await eventTests(tests, { page, go, server }, machine);
		await tests.run('retry, join, bmc: nothing in the console but what was provoked', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
	}
}
