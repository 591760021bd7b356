// SPDX-License-Identifier: GPL-3.0-or-later
// The overview: what stands where, what needs a person, when a pool will be full.
import { Server, assert, open, settled, signIn } from './world.mjs';

const HOUR_MS = 3600000;
const TIB = 1024 ** 4;

/** Two weeks of a pool of 100 TiB in which 1 TiB a day was stored, 45 TiB now: 50 days to the 95 TiB at which Ceph takes no more. */
function grown(id) {
	const hours = 14 * 24;
	const samples = Array.from({ length: hours + 1 }, (_each, hour) => ({
		time: new Date(Date.now() - (hours - hour) * HOUR_MS).toISOString(),
		used_bytes: Math.round((45 - (hours - hour) / 24) * TIB),
		total_bytes: 100 * TIB,
	}));
	return { id, samples };
}

export async function mapTests(tests, options) {
	if (!tests.wants('map', 'needs', 'forecast')) return;
	const server = await Server.start(options.server, options.ui, { machines: 5, nodes: 3 });
	const { page, wrong } = await open(server);
	const overview = () => page.goto(server.url);
	const zone = (name) => page.locator(`section[data-zone="${name}"]`);
	const dialog = () => page.getByRole('dialog');
	const needs = () => page.getByRole('region', { name: 'What needs you' });
	/** The provisioner's own answer, with something changed in it. */
	const change = (path, fn) =>
		page.route(path, async (route) => {
			const { pathname, search } = new URL(route.request().url());
			await route.fulfill({ json: fn(await server.must('GET', pathname + search)) });
		});
	try {
		await signIn(page, server);
		const node = (await server.until('/v1/nodes', (list) => list.items.length === 3 && list, 'three nodes')).items[0];
		await server.poolActive();

		await tests.run('map: machines that are no nodes are in it, and without zones it has no headings', async () => {
			const fresh = await server.until('/v1/machines?state=new', (list) => list.items.length === 2 && list.items, 'two machines that are new');
			await overview();
			await page.getByRole('link', { name: node.name, exact: true }).first().waitFor();
			for (const machine of fresh) await zone('').getByRole('link', { name: machine.name, exact: true }).waitFor();
			assert((await page.locator('.ingot-zone').count()) === 0, 'a map without zones has a heading');
		});
		await tests.run('map: who says where a machine stands finds it there, and its node with it', async () => {
			await page.goto(`${server.url}/machines/${node.machine}`);
			await page.getByRole('button', { name: 'Change the zone' }).click();
			await dialog().locator('input[name=zone]').fill('x'.repeat(64));
			await dialog().getByText('63').waitFor();
			assert(await dialog().getByRole('button', { name: 'Save' }).isDisabled(), 'a zone that is too long is sent');
			await dialog().locator('input[name=zone]').fill('rack <b>1</b>');
			await page.keyboard.press('Enter');
			await dialog().waitFor({ state: 'detached' });
			await page.getByText('rack <b>1</b>').waitFor();
			assert((await server.must('GET', `/v1/nodes/${node.id}`)).zone === 'rack <b>1</b>', 'the node has not the zone of its machine');
			await overview();
			await zone('rack <b>1</b>').getByRole('heading', { name: 'rack <b>1</b>' }).waitFor();
			await zone('rack <b>1</b>').getByRole('link', { name: node.name, exact: true }).waitFor();
			await zone('').getByRole('heading', { name: 'Zone not said' }).waitFor();
		});
		await tests.run('map: a zone is taken away, and a viewer cannot', async () => {
			await page.goto(`${server.url}/machines/${node.machine}`);
			await page.getByRole('button', { name: 'Change the zone' }).click();
			await dialog().locator('input[name=zone]').fill('');
			await dialog().getByRole('button', { name: 'Save' }).click();
			await dialog().waitFor({ state: 'detached' });
			assert((await server.must('GET', `/v1/machines/${node.machine}`)).zone === null, 'it has a zone still');
			await server.must('POST', '/v1/users', { name: 'vera', password: 'a password for vera', role: 'viewer' });
			const viewer = await open(server);
			await signIn(viewer.page, server, { name: 'vera', password: 'a password for vera' });
			await viewer.page.goto(`${server.url}/machines/${node.machine}`);
			await viewer.page.getByText('Zone', { exact: true }).waitFor();
			assert((await viewer.page.getByRole('button', { name: 'Change the zone' }).count()) === 0, 'a viewer is offered the zone');
			await viewer.context.close();
		});
		await tests.run('needs: a BMC that is lost, a task that failed and a node that is awaited are not "all well"', async () => {
			await overview();
			await needs().waitFor();
			const error = { code: 'unreachable', text: '<i>no answer</i>', field: null };
			await change(/\/v1\/machines\?.*bmc_state=/, (list) => ({ ...list, items: [{ id: 'x', name: 'mute', state: 'deployed', bmc_state: 'unreachable', bmc_error: error }] }));
			await change(/\/v1\/tasks\?.*sort=-ended/, (list) => ({
				...list,
				items: [{ id: 't', action: 'machine.power', resource: 'machine', resource_id: 'y', resource_name: 'stuck', state: 'failed', ended: new Date().toISOString(), retried_by: null, error }, ...list.items],
			}));
			await change(/\/v1\/nodes\?/, (list) => ({ ...list, items: list.items.map((each) => (each.id === node.id ? { ...each, awaited: true, health: 'unreachable' } : each)) }));
			await overview();
			await needs().getByText('The BMC of mute is not well').waitFor();
			await needs().getByText('A task of stuck failed').waitFor();
			await needs().getByText(`Node ${node.name} is awaited`).waitFor();
			assert((await needs().getByText('<i>no answer</i>').count()) === 2, 'the reasons are not shown as they are');
			assert((await page.getByText('Nothing needs you.').count()) === 0, 'all is said to be well');
			await page.unrouteAll({ behavior: 'wait' });
		});
		await tests.run('forecast: nothing but that is said before there is enough to go by, then when the pool is full', async () => {
			const charts = [];
			const count = (call) => /\/pool-chart-/.test(call.url()) && charts.push(call.url());
			page.on('request', count);
			const asked = page.waitForResponse(/\/v1\/pools\/[^/]+\/usage/);
			await overview();
			const first = await (await asked).json();
			assert(first.samples.length === 1 && first.samples[0].total_bytes > 0, JSON.stringify(first));
			await page.getByText('raw used').first().waitFor();
			await settled(page);
			assert((await page.locator('[data-forecast]').getAttribute('data-forecast')) === 'early', 'a forecast is made of one sample');
			await page.getByText('said once there are samples of 3 days, one an hour. Samples so far: 1.').waitFor();
			assert((await page.locator('[data-chart]').count()) === 0 && charts.length === 0, `one sample is drawn: ${charts}`);
			page.off('request', count);
			await change(/\/v1\/pools\/[^/]+\/usage/, (usage) => grown(usage.id));
			await overview();
			await page.getByText('At this rate it is full in 7 weeks.').waitFor();
			await page.unrouteAll({ behavior: 'wait' });
			assert(wrong.length === 0, wrong.join('\n'));
		});
		await tests.run('forecast: in Korean, with the zone', async () => {
			const korean = await open(server, { language: 'ko' });
			await signIn(korean.page, server);
			await korean.page.route(/\/v1\/pools\/[^/]+\/usage/, async (route) => route.fulfill({ json: grown('x') }));
			await korean.page.goto(server.url);
			await korean.page.getByText('이 추세라면 7주 후 가득 찹니다.').waitFor();
			await korean.page.goto(`${server.url}/machines/${node.machine}`);
			await korean.page.getByRole('button', { name: '구역 바꾸기' }).waitFor();
			await korean.context.close();
		});
	} finally {
		await server.stop();
	}
}
