// SPDX-License-Identifier: GPL-3.0-or-later
// A rack of 10,000: the table scrolls, sorts and filters. How fast is said, and judged by whoever reads it: a host that does something else
// as well makes it slow.
import { join } from 'node:path';
import { Server, assert, open, settled, signIn } from './world.mjs';

/** Rows that a table reads at once, and machines that a dialog lists. */
const PAGE = 200;
const LISTED = 100;
const MACHINES = Number(process.env.MACHINES ?? 10000);

export async function rackTests(tests, options) {
	if (!tests.wants('rack')) return;
	const server = await Server.start(options.server, options.ui, { machines: MACHINES });
	const { page, context, wrong } = await open(server);
	try {
		await server.until('/v1/machines?limit=1', (list) => list.total === MACHINES, `${MACHINES} machines`, 300000);
		await signIn(page, server);
		await page.goto(`${server.url}/machines`);
		await page.getByText(`${MACHINES} in all`).waitFor();
		await tests.run(`rack: of ${MACHINES} rows only those in sight are in the document`, async () => {
			await page.locator('tr[data-id]').first().waitFor();
			const rows = await page.locator('tr[data-id]').count();
			assert(rows > 5 && rows < 100, `${rows} rows are in the document`);
			const { height } = await page.locator('tr[data-id]').nth(1).boundingBox();
			assert(Math.abs(height - 44) < 0.5, `a row is ${height} px high, not what the table reckons with`);
			await page.screenshot({ path: join(options.shots, 'machines-rack.png') });
		});
		await tests.run('rack: scrolls through thousands of rows', async () => {
			// Turn about with frames in which nothing is to be done: what else the host does delays both.
			const { scrolled, idle, most } = await page.evaluate(async () => {
				const box = document.querySelector('.ingot-scroll');
				const frame = async () => {
					const began = performance.now();
					await new Promise((resolve) => requestAnimationFrame(resolve));
					return performance.now() - began;
				};
				const scrolled = [];
				const idle = [];
				let most = 0;
				for (let i = 0; i < 240; i++) {
					box.scrollTop += 120;
					scrolled.push(await frame());
					idle.push(await frame());
					most = Math.max(most, document.querySelectorAll('tr[data-id]').length);
				}
				const late = (list) => list.sort((a, b) => a - b)[Math.floor(list.length * 0.95)];
				return { scrolled: late(scrolled), idle: late(idle), most };
			});
			console.log(`   95 of 100 frames come within ${scrolled.toFixed(0)} ms while scrolling, ${idle.toFixed(0)} ms at rest`);
			const index = await page.locator('tr[data-id]').first().getAttribute('aria-rowindex');
			assert(Number(index) > 150, `it came to row ${index}`);
			assert(most < 100, `${most} rows were in the document`);
		});
		await tests.run('rack: the disks of all are not asked for at once, and it is said of how many machines they are', async () => {
			const asked = [];
			await page.goto('about:blank');
			page.on('request', (call) => /\/v1\/machines\?/.test(call.url()) && asked.push(new URL(call.url()).searchParams.get('limit')));
			await page.goto(`${server.url}/disks`);
			await page.getByText(new RegExp(`disks in \\d+ of ${MACHINES} machines; more as you scroll`)).waitFor();
			await page.locator('tr[data-id]').first().waitFor();
			// Some pages have no machine yet that told of its disks: it reads on until there is something to show. All would be 200.
			assert(asked.length <= 20 && asked.every((limit) => Number(limit) <= 50), `it was asked for ${asked}`);
		});
		await tests.run('rack: a filter shows what matches, and is in the address', async () => {
			await page.goto(`${server.url}/machines`);
			await page.getByText(`${MACHINES} in all`).waitFor();
			const { total } = await server.must('GET', '/v1/machines?q=machine-123&limit=1');
			const began = Date.now();
			await page.getByRole('textbox', { name: 'Search' }).fill('machine-123');
			await page.getByText(`${total} in all`).waitFor();
			console.log(`   filtered in ${Date.now() - began} ms, with 250 ms of waiting for the next letter`);
			assert(page.url().includes('q=machine-123'), 'the filter is not in the address');
		});
		await tests.run('rack: sorting is the server’s, over all rows', async () => {
			await page.goto(`${server.url}/machines`);
			await page.locator('tr[data-id]').first().waitFor();
			const [expected] = (await server.must('GET', '/v1/machines?sort=-name&limit=1')).items;
			await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
			await page.waitForURL((url) => url.searchParams.get('sort') === '-name');
			await page.locator('tr[data-id]').first().getByRole('link', { name: expected.name, exact: true }).waitFor();
			assert((await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')) === 'descending', 'the head does not say how it is sorted');
		});
		await tests.run('rack: the guide and the drawer ask for what they show, not for the whole rack', async () => {
			const asked = [];
			const note = (call) => /\/v1\/(machines|tasks)\?/.test(call.url()) && asked.push(new URL(call.url()).searchParams);
			await page.goto('about:blank');
			page.on('request', note);
			await page.goto(`${server.url}/guide`);
			await page.getByText(`Machines found: ${MACHINES}`).waitFor();
			await page.getByRole('button', { name: 'Accept 3 machines' }).waitFor();
			await page.getByRole('button', { name: /^Tasks:/ }).click();
			await page.locator('.ingot-drawer').getByRole('link', { name: 'All tasks' }).waitFor();
			await settled(page);
			page.off('request', note);
			assert(asked.length > 0 && asked.every((query) => Number(query.get('limit')) <= 50 && !query.get('cursor')), `it was asked for ${asked.join('; ')}`);
		});
		const QUERY = 'q=machine-9';
		const matching = async () => {
			const ids = new Set();
			for (let cursor = ''; cursor !== null; ) {
				const list = await server.must('GET', `/v1/machines?${QUERY}&limit=1000${cursor && `&cursor=${cursor}`}`);
				for (const machine of list.items) ids.add(machine.id);
				cursor = list.next;
			}
			return ids;
		};
		const dialog = page.getByRole('dialog');
		const asked = new Set();
		page.on('request', (request) => request.method() === 'POST' && asked.add(/machines\/([^/]+)\/(power|accept)$/.exec(request.url())?.[1]));
		/** Also those that were not read yet: more match than a table reads at once. */
		const chooseAll = async (total) => {
			assert(total > PAGE, `${total} match: not more than a page`);
			await page.goto(`${server.url}/machines?${QUERY}`);
			await page.getByText(`${total} in all`).waitFor();
			await page.getByRole('checkbox', { name: 'Select all rows shown' }).check();
			await page.getByText(`${PAGE} selected`).waitFor();
			await page.getByRole('button', { name: `Select all ${total} that match` }).click();
			await page.getByText(`${total} selected`).waitFor();
			asked.clear();
		};
		const choice = (name) => page.locator('.ingot-selection').getByRole('button', { name, exact: true });
		await tests.run('rack: who comes to match after the person was asked is not switched off as well', async () => {
			const before = await matching();
			await chooseAll(before.size);
			await choice('Switch off').click();
			const listed = dialog.locator('[data-asked]');
			await listed.first().waitFor();
			const shown = await listed.evaluateAll((all) => all.map((each) => each.dataset.asked));
			const count = /Switch off: (\d+) machines/.exec(await dialog.innerText())[1];
			const [late] = (await server.must('GET', '/v1/machines?limit=1')).items;
			assert(!before.has(late.id) && late.bmc_address && late.power === 'on', `${late.name} is not one that could come late`);
			await server.must('POST', `/v1/machines/${late.id}/accept`, { name: 'late-machine-9' });
			assert((await matching()).has(late.id), 'nobody has come to match');
			await dialog.getByRole('textbox').fill(count);
			await dialog.getByRole('button', { name: 'Switch off', exact: true }).click();
			await dialog.getByText(`Done: ${count} · failed: 0 · of ${count}`).waitFor();
			assert(asked.size === Number(count) && shown.every((id) => asked.has(id)), `${asked.size} were asked, ${count} were shown`);
			assert([...asked].every((id) => before.has(id)), 'one that came late was asked as well');
			await dialog.getByRole('button', { name: 'Close' }).last().click();
		});
		await tests.run('rack: all that match are chosen, also those not read yet, and accepted, with a result for each', async () => {
			const all = new Set((await matching()).values());
			const [late] = (await server.must('GET', '/v1/machines?q=late-machine-9')).items;
			if (late) all.delete(late.id);
			await chooseAll(all.size + (late ? 1 : 0));
			await choice('Accept').click();
			await dialog.getByText(`and ${all.size - LISTED} more`).waitFor();
			await page.screenshot({ path: join(options.shots, 'bulk-rack.png') });
			await dialog.getByRole('button', { name: 'Accept' }).click();
			await dialog.getByText(`Done: ${all.size} · failed: 0 · of ${all.size}`).waitFor({ timeout: 240000 });
			assert(asked.size === all.size && [...asked].every((id) => all.has(id)), `${asked.size} were asked`);
			await dialog.getByRole('button', { name: 'Close' }).last().click();
		});
		await tests.run('rack: nothing went wrong in the page', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
	}
}
