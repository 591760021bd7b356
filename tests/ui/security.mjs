// SPDX-License-Identifier: GPL-3.0-or-later
// What machines say of themselves stays text, and so does what the API says of anything; the pages' policy holds; nothing leaves for
// elsewhere.
import { Server, assert, open, settled, signIn } from './world.mjs';

const MARKUP = '<img src=x onerror="document.title=\'owned\'">';
/** Where a page of somebody else is, which is of the same site (RFC 6265bis section 5.2): cookies go along into its frames. */
const ELSEWHERE = 'https://127.0.0.1:9/';

async function visit(page, server, paths) {
	for (const path of paths) {
		await page.goto(server.url + path);
		await page.locator('h1, [role=dialog]').first().waitFor();
		await settled(page);
		assert((await page.title()) !== 'owned', `${path}: a script ran`);
		assert((await page.locator('img[onerror], #root script, [role=dialog] script').count()) === 0, `${path}: markup became elements`);
	}
}

/** A rack in which the first machine fails to become a node; the others become some, and all of them say markup meanwhile. */
async function deployAll(server) {
	const { items: machines } = await server.until('/v1/machines', (list) => list.items.length === 4 && list.items.every((machine) => machine.inventory) && list, 'inventories');
	for (const { id } of machines) await server.must('POST', `/v1/machines/${id}/accept`, {});
	for (const { id, inventory } of machines) {
		await server.until(`/v1/machines/${id}`, (machine) => machine.state === 'ready', 'a machine that is ready');
		await server.must('POST', `/v1/machines/${id}/deploy`, { disk: inventory.disks[0].serial });
	}
	await server.until('/v1/machines', (list) => list.items.every((machine) => ['deployed', 'failed'].includes(machine.state)), 'nodes');
	const { items: tasks } = await server.must('GET', '/v1/tasks');
	const deploy = (state) => tasks.find((task) => task.action === 'machine.deploy' && task.state === state);
	return { failed: deploy('failed'), done: deploy('succeeded') };
}

/** Places in which all that there is is shown, with every tab and every dialog that has an address. */
async function everywhere(server) {
	const list = async (collection) => (await server.must('GET', `/v1/${collection}`)).items;
	const [machines, nodes, vms, tasks] = [await list('machines'), await list('nodes'), await list('vms'), await list('tasks')];
	const machineTabs = ['summary', 'disks', 'nics', 'sensors', 'sel', 'timeline'];
	return [
		...['/', '/guide', '/machines', '/nodes', '/pools', '/volumes', '/images', '/networks', '/vms', '/vms/new', '/tasks', '/events', '/audit'],
		...['/users', '/tokens', '/join-tokens', '/bmc-ranges', '/settings', '/about'],
		...[machines.find((each) => each.state === 'failed'), machines.find((each) => each.state === 'deployed')].flatMap(({ id }) => machineTabs.map((tab) => `/machines/${id}?tab=${tab}`)),
		`/nodes/${nodes[0].id}`,
		...['summary', 'timeline'].map((tab) => `/vms/${vms[0].id}?tab=${tab}`),
		...[tasks.find((each) => each.state === 'failed'), tasks.find((each) => each.action === 'machine.deploy' && each.state === 'succeeded')].map(({ id }) => `/tasks?task=${id}`),
	];
}

/** Fields of answers that a person or a machine has chosen, or that are said in words. */
const WORDS = /(^|_)(name|text|message|detail|reason|step|title|description|vendor|product|model|hostname|user|actor|target|by|node_name|object)$/;
const MADE_FOR_MACHINES = /^(user_id|request_id|csrf_token)$/;

function poisoned(value, key = '') {
	if (Array.isArray(value)) return value.map((each) => (typeof each === 'string' && key === 'log' ? each + MARKUP : poisoned(each, key)));
	if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, key === 'params' && typeof each === 'string' ? each + MARKUP : poisoned(each, name)]));
	return typeof value === 'string' && WORDS.test(key) && !MADE_FOR_MACHINES.test(key) ? value + MARKUP : value;
}

/** The frame in a page of somebody else that shows the dashboard's, with the headers that it was sent with or without them. Both are
 * answered here: a browser keeps pages from elsewhere off the loopback network for reasons of its own. */
async function frameOf(page, server, withHeaders) {
	const { headers, text } = await server.api('GET', '/');
	const { 'content-security-policy': policy = '', 'x-frame-options': options = '', 'content-type': contentType } = headers;
	await page.route(`${server.url}/`, (route) => route.fulfill({ headers: { 'Content-Type': contentType, ...(withHeaders ? { 'Content-Security-Policy': policy, ...(options && { 'X-Frame-Options': options }) } : {}) }, body: text }));
	await page.route(`${ELSEWHERE}**`, (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html><title>elsewhere</title><iframe src="${server.url}/"></iframe>` }));
	// A frame that was refused has loaded as well: the browser's own page of that refusal.
	await page.goto(ELSEWHERE, { waitUntil: 'load' });
	return page.frames().find((frame) => frame !== page.mainFrame());
}

async function hostileTests(tests, server) {
	const { failed, done } = await deployAll(server);
	await server.poolActive();
	await server.makeVm('web');
	await tests.run('security: markup in what a machine tells of itself is shown as text, and does nothing', async () => {
		const [machine] = (await server.must('GET', '/v1/machines?state=failed')).items;
		const hostile = { product: machine.inventory.system.product, driver: machine.inventory.nics[0].driver, error: machine.error.text, log: done.log.join('\n'), task: failed.error.text };
		for (const [name, text] of Object.entries(hostile)) assert(text.includes(MARKUP), `the rack is not hostile: ${name}: ${text}`);
		const { page, context, wrong } = await open(server);
		await signIn(page, server);
		await visit(page, server, (await everywhere(server)).filter((path) => /^\/($|guide|machines|nodes|tasks|events)/.test(path)));
		// It is there, word for word: what is left out cannot do anything either.
		for (const [path, text] of [
			[`/machines/${machine.id}`, "<script>document.title='owned'</script>"],
			[`/machines/${machine.id}?tab=nics`, MARKUP],
			[`/machines/${machine.id}?tab=timeline`, MARKUP],
			[`/tasks?task=${failed.id}`, MARKUP],
			[`/tasks?task=${done.id}`, `installer: ${MARKUP}`],
			['/events', MARKUP],
		]) {
			await page.goto(server.url + path);
			await page.getByText(text).first().waitFor();
		}
		assert(wrong.length === 0, wrong.join('\n'));
		await context.close();
	});
	await tests.run('security: nothing takes a name with markup in it', async () => {
		const [machine] = (await server.must('GET', '/v1/machines?state=failed')).items;
		const [volume] = (await server.must('GET', '/v1/volumes')).items;
		for (const [path, body] of [
			['/v1/vms', { volume: volume.id }],
			['/v1/volumes', {}],
			['/v1/images', {}],
			['/v1/networks', {}],
			['/v1/users', { password: 'a password of some length' }],
			['/v1/tokens', {}],
			[`/v1/machines/${machine.id}/accept`, {}],
		]) {
			const answer = await server.api('POST', path, { ...body, name: MARKUP });
			assert(answer.status === 400 && answer.json.field === 'name', `${path}: ${answer.status} ${answer.text}`);
		}
	});
	await tests.run('security: names, messages and logs with markup in them are text on every screen, whoever let them in', async () => {
		const paths = await everywhere(server);
		const { page, context, wrong } = await open(server);
		await signIn(page, server);
		let poisons = 0;
		await page.route(`${server.url}/v1/**`, async (route) => {
			const call = route.request();
			const { pathname, search } = new URL(call.url());
			if (call.method() !== 'GET' || pathname === '/v1/session' || call.resourceType() === 'eventsource') return route.continue();
			const { status, text } = await server.api('GET', pathname + search);
			const poison = text.startsWith('{') ? JSON.stringify(poisoned(JSON.parse(text))) : text;
			if (poison !== text) poisons++;
			return route.fulfill({ status, contentType: 'application/json', body: poison });
		});
		await visit(page, server, paths);
		assert(poisons >= paths.length, `only ${poisons} answers had markup in them`);
		const [vm] = (await server.must('GET', '/v1/vms')).items;
		await page.goto(`${server.url}/vms/${vm.id}`);
		await page.locator('h1').getByText(`web${MARKUP}`).waitFor();
		assert(wrong.length === 0, wrong.join('\n'));
		await context.close();
	});
}

export async function securityTests(tests, options) {
	if (!tests.wants('security')) return;
	const server = await Server.start(options.server, options.ui, { machines: 4, hostile: true });
	try {
		await hostileTests(tests, server);
		await tests.run('security: the address bar brings no markup into the page', async () => {
			const { page, context, wrong } = await open(server);
			await signIn(page, server);
			const evil = encodeURIComponent('<img src=x onerror="document[\'title\']=\'owned\'">');
			await visit(page, server, [`/machines?q=${evil}`, `/machines/${evil}`, `/vms/${evil}`, `/tasks?task=${evil}`, `/${evil}`, `/console/vms/${evil}/serial`, `/machines?sort=${evil}`, `/events?resource=${evil}`]);
			assert(wrong.length === 0, wrong.join('\n'));
			await context.close();
		});
		await tests.run('security: the policy allows no inline script or style, and is sent with the page', async () => {
			const page = await server.api('GET', '/');
			const policy = page.headers['content-security-policy'] ?? '';
			assert(/default-src 'none'/.test(policy) && /script-src 'self'/.test(policy) && /frame-ancestors 'none'/.test(policy) && !/unsafe/.test(policy), policy);
			assert(page.headers['x-content-type-options'] === 'nosniff', 'no nosniff');
			const { page: tab, context } = await open(server);
			await signIn(tab, server);
			const ran = await tab.evaluate(() => {
				const script = document.createElement('script');
				script.textContent = 'window.inlineRan = true';
				document.body.append(script);
				return Boolean(window.inlineRan);
			});
			assert(!ran, 'an inline script ran');
			await context.close();
		});
		await tests.run('security: no other page has it in a frame, not even one of the same site', async () => {
			const { page, context } = await open(server);
			await signIn(page, server);
			const refused = await frameOf(page, server, true);
			assert(refused.url().startsWith('chrome-error:'), `the frame shows ${refused.url()}`);
			// That it is the headers that keep it out, and not something else: without them the whole dashboard is in there, signed in.
			await page.unrouteAll();
			const shown = await frameOf(page, server, false);
			await shown.locator('#main').waitFor();
			await context.close();
		});
	} finally {
		await server.stop();
	}
}
