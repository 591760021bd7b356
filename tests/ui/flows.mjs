// SPDX-License-Identifier: GPL-3.0-or-later
// The whole path by mouse: found, accept, deploy, pool, image, virtual machine, migration; what goes wrong on the way.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, assert, open, signIn } from './world.mjs';

export async function flowTests(tests, browser, options) {
	if (!tests.wants('path', 'live')) return;
	const server = await Server.start(options.server, options.ui, { machines: 4 });
	const files = mkdtempSync(join(tmpdir(), 'ingot-ui-files-'));
	const image = join(files, 'guest.raw');
	writeFileSync(image, Buffer.alloc(20 << 20, 7));
	writeFileSync(join(files, 'odd.raw'), Buffer.alloc(1000));
	const { page, context, wrong } = await open(browser, server);
	const go = (path) => page.goto(server.url + path);
	const dialog = () => page.getByRole('dialog');
	try {
		await signIn(page, server);
		await tests.run('path: what was found shows by itself, and the overview says that it waits', async () => {
			await server.until('/v1/machines?state=new', (list) => list.items.length === 4, 'four machines');
			await page.getByText('New machines: 4').waitFor();
		});
		await tests.run('path: accept one on its page, the others with the guide', async () => {
			await go('/machines');
			await page.getByRole('link', { name: 'machine-1', exact: true }).click();
			await page.getByRole('button', { name: 'Accept' }).click();
			await dialog().locator('input[name=name]').fill('Bad Name');
			await dialog().getByText('not of the form').waitFor();
			await dialog().locator('input[name=name]').fill('alpha');
			await dialog().getByRole('button', { name: 'Accept' }).click();
			await dialog().waitFor({ state: 'detached' });
			await page.locator('.ingot-title', { hasText: 'alpha' }).waitFor();
			await page.locator('.ingot-head [data-state=ready]').waitFor({ timeout: 60000 });
			await go('/guide');
			await page.getByRole('button', { name: 'Accept 3 machines' }).click();
			await dialog().getByText('Done: 3 · failed: 0 · of 3').waitFor();
			await dialog().getByRole('button', { name: 'Close' }).last().click();
		});
		await tests.run('path: deploying names what is lost, asks for the name, and shows its progress', async () => {
			await server.until('/v1/machines?state=ready', (list) => list.items.length === 4, 'ready machines');
			await go('/machines');
			await page.getByRole('link', { name: 'alpha', exact: true }).click();
			await page.getByRole('button', { name: 'Deploy' }).click();
			const deploy = dialog().getByRole('button', { name: 'Deploy' });
			await dialog().getByText('is lost').first().waitFor();
			assert(await deploy.isDisabled(), 'it deploys without the name');
			await dialog().locator('input[name=confirm]').fill('alpha');
			await deploy.click();
			await page.locator('.ingot-head [data-state=deploying]').waitFor();
			await page.getByRole('button', { name: /^Tasks: [1-9]/ }).click();
			await page.locator('.ingot-drawer [role=progressbar]').first().waitFor();
			await page.locator('.ingot-head [data-state=deployed]').waitFor({ timeout: 60000 });
			await page.getByRole('tab', { name: 'Timeline' }).click();
			await page.getByText('alpha is deployed').waitFor();
		});
		await tests.run('path: two more, then the pool comes by itself', async () => {
			await go('/guide');
			await page.getByRole('button', { name: 'Deploy 2 machines' }).click();
			await dialog().getByRole('textbox').fill('2');
			await dialog().getByRole('button', { name: 'Deploy' }).click();
			await dialog().getByText('Done: 2 · failed: 0 · of 2').waitFor();
			await dialog().getByRole('button', { name: 'Close' }).last().click();
			await page.locator('[data-step="4"][data-done=true]').waitFor({ timeout: 120000 });
		});
		await tests.run('path: an image that is none is refused; one is uploaded in parts over a broken connection', async () => {
			await go('/images');
			await page.getByRole('button', { name: 'Add an image' }).click();
			await dialog().locator('input[name=name]').fill('guest');
			await dialog().locator('input[type=file]').setInputFiles(join(files, 'odd.raw'));
			await dialog().getByText('multiple of 512').waitFor();
			assert(await dialog().getByRole('button', { name: 'Upload' }).isDisabled(), 'an odd file can be sent');
			await dialog().locator('input[type=file]').setInputFiles(image);
			let parts = 0;
			await page.route('**/content', (route) => (route.request().method() === 'PATCH' && ++parts === 2 ? route.abort('connectionreset') : route.continue()));
			await dialog().getByRole('button', { name: 'Upload' }).click();
			await dialog().waitFor({ state: 'detached', timeout: 60000 });
			await page.unroute('**/content');
			assert(parts >= 4, `${parts} parts were sent: the second was not sent again`);
			await page.locator('tr', { hasText: 'guest' }).locator('[data-state=available]').waitFor({ timeout: 60000 });
			const made = (await server.must('GET', '/v1/images')).items[0];
			assert(made.size_bytes === 20 << 20, `its size is ${made.size_bytes}`);
		});
		await tests.run('path: a virtual machine from the image, with the server’s words at the field', async () => {
			await go('/vms');
			await page.getByRole('link', { name: 'Create a virtual machine' }).click();
			await page.locator('input[name=cpus]').fill('1000');
			await page.getByText('256 or less').waitFor();
			await page.locator('input[name=cpus]').fill('2');
			await page.locator('input[name=memory_bytes]').fill('1 GB');
			await page.getByText('This is not a size').waitFor();
			await page.locator('input[name=memory_bytes]').fill('1 GiB');
			await page.locator('input[name=name]').fill('web');
			await page.getByRole('button', { name: 'Create' }).click();
			await page.locator('.ingot-title', { hasText: 'web' }).waitFor();
			await page.locator('.ingot-head [data-state=running]').waitFor({ timeout: 60000 });
			await go('/vms/new');
			await page.locator('input[name=name]').fill('web');
			await page.getByRole('button', { name: 'Create' }).click();
			await page.getByText('The name is taken').waitFor();
			await page.locator('.pf-v6-c-helper-text .pf-m-error').first().waitFor();
		});
		await tests.run('path: it migrates with progress, and its timeline tells of it', async () => {
			const vm = (await server.must('GET', '/v1/vms')).items[0];
			await go(`/vms/${vm.id}`);
			await page.getByRole('button', { name: 'Migrate' }).click();
			await dialog().getByRole('button', { name: 'Migrate' }).click();
			await page.locator('.ingot-head [data-state=migrating]').waitFor();
			await page.getByText(/Migrating from/).waitFor();
			await page.locator('.ingot-head [data-state=running]').waitFor({ timeout: 60000 });
			const after = await server.must('GET', `/v1/vms/${vm.id}`);
			assert(after.node !== vm.node, 'it is where it was');
			await page.getByRole('tab', { name: 'Timeline' }).click();
			await page.getByText(/web moved to/).waitFor();
		});
		await tests.run('path: stopped, started, and deleted by its name; the volume stays until deleted by its own', async () => {
			await page.getByRole('button', { name: 'Stop' }).click();
			await dialog().getByRole('textbox').fill('web');
			await dialog().getByRole('button', { name: 'Stop' }).click();
			await page.locator('.ingot-head [data-state=stopped]').waitFor({ timeout: 60000 });
			await page.getByRole('button', { name: 'Start', exact: true }).click();
			await page.locator('.ingot-head [data-state=running]').waitFor({ timeout: 60000 });
			await page.getByRole('button', { name: 'Delete' }).click();
			await dialog().getByText('Its volume web stays').waitFor();
			await dialog().getByRole('textbox').fill('we');
			assert(await dialog().getByRole('button', { name: 'Delete' }).isDisabled(), 'half a name is enough');
			await dialog().getByRole('textbox').fill('web');
			await dialog().getByRole('button', { name: 'Delete' }).click();
			await page.waitForURL('**/vms');
			await server.until('/v1/vms', (list) => list.items.length === 0, 'no virtual machine');
			await go('/volumes');
			await page.getByRole('button', { name: 'Delete web' }).click();
			await dialog().getByRole('textbox').fill('web');
			await dialog().getByRole('button', { name: 'Delete' }).click();
			await page.getByText('No volumes yet').waitFor({ timeout: 60000 });
		});
		await tests.run('path: a task’s steps and log are shown', async () => {
			await go('/tasks');
			await page.getByRole('button', { name: 'Details of the task of alpha' }).first().click();
			await dialog().getByText('Steps').waitFor();
			await dialog().getByText('Verifying the BMC').or(dialog().getByText('Writing the host image')).first().waitFor();
		});
		await tests.run('live: a killed provisioner is said to be gone; the page goes on by itself when it is back', async () => {
			await go('/');
			await page.locator('[data-live=open]').waitFor();
			await server.kill();
			await page.locator('.ingot-not-connected', { hasText: 'Not connected' }).waitFor();
			await server.restart();
			await page.locator('[data-live=open]').waitFor({ timeout: 60000 });
			await page.locator('.ingot-not-connected').waitFor({ state: 'detached' });
			await server.must('POST', '/v1/volumes', { name: 'after', size_bytes: 1 << 30 });
			await page.getByText('after').first().waitFor();
		});
		await tests.run('path: nothing in the console but what was provoked', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
		rmSync(files, { recursive: true, force: true });
	}
}
