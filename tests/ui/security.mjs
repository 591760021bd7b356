// SPDX-License-Identifier: GPL-3.0-or-later
// What machines say of themselves stays text; the pages' policy holds; nothing leaves for elsewhere.
import { Server, assert, open, settled, signIn } from './world.mjs';

export async function securityTests(tests, options) {
	if (!tests.wants('security')) return;
	const server = await Server.start(options.server, options.ui, { machines: 3, hostile: true });
	try {
		await server.until('/v1/machines', (list) => list.items.length === 3 && list.items.every((machine) => machine.inventory), 'inventories');
		await tests.run('security: markup in what a machine tells of itself is shown as text, and does nothing', async () => {
			const { page, context, wrong } = await open(server);
			await signIn(page, server);
			const [machine] = (await server.must('GET', '/v1/machines')).items;
			assert(machine.inventory.system.product.includes('<script>'), 'the machine is not hostile');
			for (const path of ['/machines', `/machines/${machine.id}`, `/machines/${machine.id}?tab=disks`, `/machines/${machine.id}?tab=nics`, `/machines/${machine.id}?tab=timeline`, '/events', '/guide', '/']) {
				await page.goto(server.url + path);
				await page.locator('h1').first().waitFor();
				await settled(page);
				assert(!(await page.title()).includes('owned'), `${path}: a script ran`);
				assert((await page.locator('img[onerror], #main script').count()) === 0, `${path}: markup became elements`);
			}
			await page.goto(`${server.url}/machines/${machine.id}`);
			await page.getByText("<script>document.title='owned'</script>").first().waitFor();
			assert(wrong.length === 0, wrong.join('\n'));
			await context.close();
		});
		await tests.run('security: the address bar brings no markup into the page', async () => {
			const { page, context, wrong } = await open(server);
			await signIn(page, server);
			const evil = encodeURIComponent('<img src=x onerror="document[\'title\']=\'owned\'">');
			for (const path of [`/machines?q=${evil}`, `/machines/${evil}`, `/vms/${evil}`, `/tasks?task=${evil}`, `/${evil}`, `/console/vms/${evil}/serial`, `/machines?sort=${evil}`]) {
				await page.goto(server.url + path);
				await page.locator('h1, [role=dialog]').first().waitFor();
				await settled(page);
				assert(!(await page.title()).startsWith('owned'), `${path}: a script ran`);
				assert((await page.locator('img[onerror]').count()) === 0, `${path}: markup became elements`);
			}
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
		await tests.run('security: nobody else’s page is let in', async () => {
			const { page, context } = await open(server);
			await signIn(page, server);
			await page.goto('about:blank');
			// A frame that was refused has loaded as well: the browser's own page of that refusal.
			await page.evaluate(
				(url) =>
					new Promise((resolve) => {
						const frame = document.createElement('iframe');
						frame.onload = resolve;
						frame.src = url;
						document.body.append(frame);
					}),
				`${server.url}/`,
			);
			const inside = page.frames().find((frame) => frame !== page.mainFrame());
			assert(!inside || (await inside.locator('#main').count().catch(() => 0)) === 0, 'the dashboard shows within another page');
			await context.close();
		});
	} finally {
		await server.stop();
	}
}
