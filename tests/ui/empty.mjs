// SPDX-License-Identifier: GPL-3.0-or-later
// A rack in which nothing was found yet: each list says what it is for and what to do. And what a person chooses for the dashboard.
import { join } from 'node:path';
import { look } from './looks.mjs';
import { Server, assert, open, settled, signIn } from './world.mjs';

/** What is said where there is nothing, and how the page leads on. */
const EMPTY = {
	'/machines': ['No machines found yet', 'link', 'Tell where the BMCs are'],
	'/nodes': ['No nodes yet', 'link', 'Machines'],
	'/disks': ['No machines found yet'],
	'/pools': ['It waits for nodes with data disks.'],
	'/volumes': ['No volumes yet', 'button', 'Create a volume'],
	'/images': ['No images yet', 'button', 'Add an image'],
	'/vms': ['No virtual machines yet', 'link', 'Create a virtual machine'],
	'/networks': ['No networks yet', 'button', 'Create a network'],
	'/tasks': ['No tasks yet'],
	'/join-tokens': ['No join tokens yet', 'button', 'Create a join token'],
	'/bmc-ranges': ['BMCs are looked for nowhere yet', 'button', 'Add a range'],
};

export async function emptyTests(tests, options) {
	if (!tests.wants('empty', 'choice')) return;
	const server = await Server.start(options.server, options.ui, { machines: 0 });
	const { page, context, wrong } = await open(server);
	const go = (path) => page.goto(server.url + path);
	try {
		await signIn(page, server);
		await tests.run('empty: the overview leads to the BMCs, the guide to where it begins, and neither offers what cannot be done', async () => {
			await page.getByText('No machine has been found yet').waitFor();
			await page.getByRole('link', { name: 'Tell where the BMCs are' }).waitFor();
			await go('/guide');
			await page.locator('[data-step="1"][data-done=false]').getByRole('link', { name: 'Tell where the BMCs are' }).waitFor();
			await settled(page);
			assert((await page.locator('[data-step][data-done=false]').count()) === 6, 'a step is said to be done');
			assert((await page.getByRole('button', { name: /^(Accept|Deploy) / }).count()) === 0, 'none are offered to be accepted or deployed');
		});
		for (const [path, [title, role, name]] of Object.entries(EMPTY))
			await tests.run(`empty: ${path} says what it is for`, async () => {
				await go(path);
				await page.locator('#main').getByText(title).waitFor();
				if (role) await page.locator('#main').getByRole(role, { name, exact: true }).waitFor();
				await settled(page);
				await page.screenshot({ path: join(options.shots, `empty-${path.slice(1)}.png`) });
				const found = await look(page);
				assert(found.length === 0, found.join('\n'));
			});
		await tests.run('choice: a theme and a language are taken at once, and kept when the page is loaded again', async () => {
			const isDark = () => page.evaluate(() => document.documentElement.classList.contains('pf-v6-theme-dark'));
			await go('/settings');
			const theme = page.getByLabel('Theme');
			assert(!(await isDark()), 'it is dark to begin with');
			await theme.selectOption({ label: 'Dark' });
			assert(await isDark(), 'it is not dark');
			await page.getByRole('combobox', { name: 'Language' }).selectOption('ko');
			await page.getByRole('heading', { level: 1, name: '설정' }).waitFor();
			await page.reload();
			await page.getByRole('heading', { level: 1, name: '설정' }).waitFor();
			assert((await isDark()) && (await page.locator('html').getAttribute('lang')) === 'ko', 'it was not kept');
			await page.getByRole('combobox', { name: '언어' }).selectOption('en');
			await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
			await theme.selectOption({ label: 'Light' });
			assert(!(await isDark()), 'it stays dark');
		});
		await tests.run('empty: nothing in the console', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
	}
}
