// SPDX-License-Identifier: GPL-3.0-or-later
// The whole path by mouse: found, accept, deploy, pool, image, virtual machine, migration; what goes wrong on the way.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Line } from './line.mjs';
import { Server, assert, open, signIn } from './world.mjs';

export async function flowTests(tests, options) {
	if (!tests.wants('path', 'live')) return;
	const server = await Server.start(options.server, options.ui, { machines: 4 });
	const files = mkdtempSync(join(tmpdir(), 'ingot-ui-files-'));
	const image = join(files, 'guest.raw');
	writeFileSync(image, Buffer.alloc(20 << 20, 7));
	writeFileSync(join(files, 'odd.raw'), Buffer.alloc(1000));
	const { page, context, wrong } = await open(server);
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
			await page.locator('.ingot-head [data-state=ready]').waitFor();
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
			await page.locator('.ingot-head [data-state=deployed]').waitFor();
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
			await dialog().waitFor({ state: 'detached' });
			await page.unroute('**/content');
			assert(parts >= 4, `${parts} parts were sent: the second was not sent again`);
			await page.locator('tr', { hasText: 'guest' }).locator('[data-state=available]').waitFor();
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
			await page.locator('.ingot-head [data-state=running]').waitFor();
			await go('/vms/new');
			await page.locator('input[name=name]').fill('web');
			await page.getByRole('button', { name: 'Create' }).click();
			await page.getByText('The name is taken').waitFor();
			await page.locator('.pf-v6-c-helper-text .pf-m-error').first().waitFor();
		});
		await tests.run('path: a virtual machine that is refused leaves no volume unsaid, and the next try takes that one', async () => {
			const volumes = async () => (await server.must('GET', '/v1/volumes')).items.map((each) => each.name).sort().join();
			await server.must('POST', '/v1/volumes', { name: 'other-disk', size_bytes: 1 << 30 });
			await server.until('/v1/volumes/other-disk', (each) => each.state === 'available', 'a volume');
			const name = page.locator('input[name=name]');
			// On a volume that is there.
			await go('/vms/new');
			await name.fill('solo');
			await page.getByRole('radio', { name: 'A volume that is there' }).check();
			await page.locator('select[name=volume]').selectOption({ label: 'other-disk · 1 GiB' });
			await page.getByRole('checkbox', { name: 'Start it at once' }).uncheck();
			await page.getByRole('button', { name: 'Create' }).click();
			await page.locator('.ingot-title', { hasText: 'solo' }).waitFor();
			await go('/vms/new');
			await name.fill('solo');
			await page.getByRole('button', { name: 'Create' }).click();
			await page.getByText('The name is taken').waitFor();
			assert((await volumes()) === 'other-disk,web', await volumes());
			// The name is free when it is asked for, and taken when it is wanted.
			await page.route('**/v1/vms', async (route) => {
				await server.must('POST', '/v1/vms', { name: 'late', volume: 'late-disk', memory_bytes: 1 << 30, start: false });
				await route.continue();
			}, { times: 1 });
			await server.must('POST', '/v1/volumes', { name: 'late-disk', size_bytes: 1 << 30 });
			await server.until('/v1/volumes/late-disk', (each) => each.state === 'available', 'a volume');
			await name.fill('late');
			await page.getByRole('button', { name: 'Create' }).click();
			await page.getByText('The volume late was made and stays').waitFor();
			await page.getByRole('link', { name: 'Look at it, or delete it' }).waitFor();
			await name.fill('later');
			await page.getByRole('button', { name: 'Create' }).click();
			await page.locator('.ingot-title', { hasText: 'later' }).waitFor();
			assert((await volumes()) === 'late,late-disk,other-disk,web', await volumes());
			for (const each of ['later', 'late', 'solo']) {
				const vm = await server.must('GET', `/v1/vms/${each}`);
				await server.must('DELETE', `/v1/vms/${vm.id}`);
			}
			await server.until('/v1/vms', (list) => list.items.length === 1, 'one virtual machine');
			for (const each of ['late', 'late-disk', 'other-disk']) await server.must('DELETE', `/v1/volumes/${each}`);
			await server.until('/v1/volumes', (list) => list.items.length === 1, 'one volume');
		});
		await tests.run('path: networks are made, a taken VLAN is refused at its field', async () => {
			await go('/networks');
			await page.getByText('No networks yet').waitFor();
			await page.getByRole('button', { name: 'Create a network' }).click();
			await dialog().locator('input[name=name]').fill('dmz');
			await dialog().locator('input[name=vlan]').fill('4095');
			await dialog().getByText('4094 or less').waitFor();
			await dialog().locator('input[name=vlan]').fill('20');
			await dialog().getByRole('button', { name: 'Create' }).click();
			await dialog().waitFor({ state: 'detached' });
			await page.locator('tr', { hasText: 'dmz' }).getByText('20').waitFor();
			await page.getByRole('button', { name: 'Create a network' }).click();
			await dialog().locator('input[name=name]').fill('other');
			await dialog().locator('input[name=vlan]').fill('20');
			await dialog().getByRole('button', { name: 'Create' }).click();
			await dialog().locator('.pf-m-error', { hasText: "20 is the network 'dmz' already" }).first().waitFor();
			await dialog().getByRole('button', { name: 'Cancel' }).click();
		});
		await tests.run('path: cloud-init is checked while one types; the guest is plugged in and keeps its secrets', async () => {
			const form = {
				key: page.locator('textarea[name=ssh_keys]'),
				data: page.locator('textarea[name=user_data]'),
				config: page.locator('textarea[name=network_config]'),
				create: page.getByRole('button', { name: 'Create' }),
			};
			await go('/vms/new');
			await page.locator('input[name=name]').fill('seeded');
			await page.getByRole('checkbox', { name: /^dmz · VLAN 20/ }).check();
			await page.getByRole('checkbox', { name: /cloud-init/ }).check();
			await form.data.fill('users: []');
			await page.getByText('says not what it is').waitFor();
			await form.data.fill('#cloud-config\nusers:\n  - name: kim\n   sudo: x\n');
			await page.getByText(/^line 4, column \d+: is no YAML/).waitFor();
			assert(await form.create.isDisabled(), 'broken user data can be sent');
			await form.data.fill('#cloud-config\npassword: hunter2\n');
			await form.key.fill('-----BEGIN OPENSSH PRIVATE KEY-----');
			await page.getByText('is a private key').waitFor();
			await form.key.fill('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlAwHl6FKaKmeuzHQwNRwW8AL3Mm2yhAPFDnwQXhTxR kim');
			await form.config.fill('version: 3');
			await page.getByText('version: must be 1 or 2').waitFor();
			await form.config.fill('version: 2\n');
			await page.getByText('version: must be 1 or 2').waitFor({ state: 'detached' });
			await form.create.click();
			await page.locator('.ingot-title', { hasText: 'seeded' }).waitFor();
			await page.getByText('has a seed (NoCloud)').waitFor();
			const made = (await server.must('GET', '/v1/vms')).items.find((vm) => vm.name === 'seeded');
			await page.getByText(made.nics[0].mac).waitFor();
			for (const path of ['/v1/vms', `/v1/vms/${made.id}`, '/v1/events', '/v1/audit'])
				assert(!JSON.stringify(await server.must('GET', path)).includes('hunter2'), `${path} tells the user data`);
			assert(!JSON.stringify(await server.must('GET', '/v1/audit')).includes('cloud_init.check'), 'each key that is typed is audited');
		});
		await tests.run('path: a network that is used says by whom, and goes when it is not', async () => {
			const seeded = (await server.must('GET', '/v1/vms')).items.find((vm) => vm.name === 'seeded');
			await go('/networks');
			const row = page.locator('tr', { hasText: 'dmz' });
			await row.getByRole('link', { name: 'seeded' }).waitFor();
			await page.getByRole('button', { name: 'Delete dmz' }).click();
			await dialog().getByText('It cannot be deleted while').waitFor();
			await dialog().getByRole('textbox').fill('dmz');
			await dialog().getByRole('button', { name: 'Delete' }).click();
			await dialog().getByText('is used by the virtual machines seeded').waitFor();
			await dialog().getByRole('button', { name: 'Cancel' }).click();
			await server.must('DELETE', `/v1/vms/${seeded.id}`);
			await server.until('/v1/vms', (list) => list.items.every((vm) => vm.name !== 'seeded'), 'the virtual machine goes');
			await server.must('DELETE', '/v1/volumes/seeded');
			await go('/networks');
			await page.getByRole('button', { name: 'Delete dmz' }).click();
			await dialog().getByText('No virtual machine is in it').waitFor();
			await dialog().getByRole('textbox').fill('dmz');
			await dialog().getByRole('button', { name: 'Delete' }).click();
			await page.getByText('No networks yet').waitFor();
		});
		await tests.run('path: it migrates with progress, and its timeline tells of it', async () => {
			const vm = (await server.must('GET', '/v1/vms')).items.find((each) => each.name === 'web');
			await go(`/vms/${vm.id}`);
			const target = (await server.must('GET', '/v1/nodes')).items.filter((node) => node.id !== vm.node).at(-1);
			await page.getByRole('button', { name: 'Migrate' }).click();
			await dialog().locator('select[name=node]').selectOption(target.id);
			await dialog().getByRole('button', { name: 'Migrate' }).click();
			await page.locator('.ingot-head [data-state=migrating]').waitFor();
			await page.getByText(/Migrating from/).waitFor();
			await page.locator('.ingot-head [data-state=running]').waitFor();
			const after = await server.must('GET', `/v1/vms/${vm.id}`);
			assert(after.node === target.id, 'it is not where it was sent');
			await page.getByRole('tab', { name: 'Timeline' }).click();
			await page.getByText(/web moved to/).waitFor();
		});
		await tests.run('path: stopped, started, and deleted by its name; the volume stays until deleted by its own', async () => {
			await page.getByRole('button', { name: 'Stop' }).click();
			await dialog().getByRole('textbox').fill('web');
			await dialog().getByRole('button', { name: 'Stop' }).click();
			await page.locator('.ingot-head [data-state=stopped]').waitFor();
			// While the server has not answered it is shown as the server said last.
			let release;
			const asked = new Promise((resolve) => (release = resolve));
			await page.route('**/start', async (route) => {
				await asked;
				await route.continue();
			});
			const start = page.getByRole('button', { name: 'Start', exact: true });
			const sent = page.waitForRequest((request) => request.url().endsWith('/start'));
			await start.click();
			await sent;
			await page.waitForFunction(() => [...document.querySelectorAll('.ingot-head button')].some((each) => each.disabled));
			assert((await page.locator('.ingot-head [data-state=stopped]').count()) === 1, 'it is shown as started before the server said so');
			release();
			await page.locator('.ingot-head [data-state=running]').waitFor();
			await page.unroute('**/start');
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
			await page.getByText('No volumes yet').waitFor();
		});
		await tests.run('path: a task’s steps and log are shown', async () => {
			await go('/tasks');
			await page.getByRole('button', { name: 'Details of the task of alpha' }).first().click();
			await dialog().getByText('Steps').waitFor();
			await dialog().locator('dl > div', { hasText: 'Took' }).getByText(/^\d+ (second|minute)s?$/).waitFor();
			await dialog().getByText('Verifying the BMC').or(dialog().getByText('Writing the host image')).first().waitFor();
		});
		await tests.run('live: a killed provisioner is said to be gone; the page goes on by itself when it is back', async () => {
			await go('/');
			await page.locator('[data-live=open]').waitFor();
			await server.kill();
			await page.locator('.ingot-not-connected', { hasText: 'Not connected' }).waitFor();
			await server.restart();
			await page.locator('[data-live=open]').waitFor();
			await page.locator('.ingot-not-connected').waitFor({ state: 'detached' });
			await server.must('POST', '/v1/volumes', { name: 'after', size_bytes: 1 << 30 });
			await page.getByText('after').first().waitFor();
		});
		await tests.run('live: a line that goes dead without a word is said to be so, and another one is taken', async () => {
			const line = await Line.to(server.url);
			const far = await open({ url: line.url, browser: server.browser });
			try {
				await signIn(far.page, line);
				await far.page.goto(`${line.url}/networks`);
				await far.page.locator('[data-live=open]').waitFor();
				line.freeze();
				await far.page.locator('.ingot-not-connected', { hasText: 'Not connected' }).waitFor();
				assert((await far.page.locator('[data-live=open]').count()) === 0, 'it says that it is live');
				await server.must('POST', '/v1/networks', { name: 'meanwhile', vlan: 30 });
				line.forget();
				// The connections that the browser had kept are dead as well, and found out one by one.
				await far.page.locator('[data-live=open]').waitFor({ timeout: 180000 });
				await far.page.locator('.ingot-not-connected').waitFor({ state: 'detached' });
				await far.page.getByText('meanwhile').first().waitFor();
			} finally {
				await far.context.close();
				await line.close();
			}
		});
		await tests.run('path: nothing in the console but what was provoked', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
		rmSync(files, { recursive: true, force: true });
	}
}
