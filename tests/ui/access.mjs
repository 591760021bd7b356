// SPDX-License-Identifier: GPL-3.0-or-later
// Signing in and out, roles, passwords, tokens, the audit list.
import { PASSWORD, Server, assert, open, signIn } from './world.mjs';

export async function accessTests(tests, options) {
	if (!tests.wants('access')) return;
	const server = await Server.start(options.server, options.ui, { machines: 1 });
	try {
		await tests.run('access: a wrong password is refused and named, nothing of the cluster is shown', async () => {
			const { page, context } = await open(server);
			await page.goto(`${server.url}/machines`);
			await page.locator('input[name=name]').fill('admin');
			await page.locator('input[name=password]').fill('wrong');
			await page.locator('button[type=submit]').click();
			await page.locator('.ingot-problem').waitFor();
			assert((await page.locator('input[name=password]').inputValue()) === '', 'the password stays in the field');
			assert((await page.locator('#main').count()) === 0, 'the frame is shown to nobody');
			await context.close();
		});
		await tests.run('access: the session’s cookie is Secure, HttpOnly, SameSite=Strict; it outlives a reload', async () => {
			const { page, context, wrong } = await open(server);
			await page.goto(`${server.url}/machines?state=new`);
			await page.locator('input[name=name]').fill('admin');
			await page.locator('input[name=password]').fill(PASSWORD);
			await page.locator('input[name=password]').press('Enter');
			await page.locator('h1', { hasText: 'Machines' }).waitFor();
			assert(page.url().endsWith('/machines?state=new'), 'it does not go on where it was asked for');
			const [cookie] = await context.cookies();
			assert(cookie.name.startsWith('__Host-') && cookie.secure && cookie.httpOnly && cookie.sameSite === 'Strict' && cookie.path === '/', JSON.stringify(cookie));
			assert((await page.evaluate(() => document.cookie)) === '', 'scripts can read the cookie');
			await page.reload();
			await page.locator('h1', { hasText: 'Machines' }).waitFor();
			assert(wrong.length === 0, wrong.join('\n'));
			await context.close();
		});
		await tests.run('access: signing out ends the session on the server', async () => {
			const { page, context } = await open(server);
			await signIn(page, server);
			const cookies = await context.cookies();
			await page.getByRole('button', { name: 'Sign out' }).click();
			await page.locator('input[name=password]').waitFor();
			await context.addCookies(cookies);
			await page.goto(server.url);
			await page.locator('input[name=password]').waitFor();
			await context.close();
		});
		await tests.run('access: what changes something is refused without the CSRF token', async () => {
			const { page, context } = await open(server);
			await signIn(page, server);
			const status = await page.evaluate(async () => (await fetch('/v1/tokens', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"name":"stolen"}' })).status);
			assert(status === 403, `POST without the token: ${status}`);
			const wrong = await page.evaluate(
				async () => (await fetch('/v1/tokens', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': 'x' }, body: '{"name":"stolen"}' })).status,
			);
			assert(wrong === 403, `POST with a wrong token: ${wrong}`);
			const tokens = await server.must('GET', '/v1/tokens');
			assert(!tokens.items.some((token) => token.name === 'stolen'), 'a token was made');
			await context.close();
		});
		await tests.run('access: an administrator makes a viewer, who changes the password and may change nothing else', async () => {
			const { page, context, wrong } = await open(server);
			await signIn(page, server);
			await page.goto(`${server.url}/users`);
			await page.getByRole('button', { name: 'Create a user' }).click();
			const dialog = page.getByRole('dialog');
			await dialog.locator('input[name=name]').fill('Not A Name');
			await dialog.getByText('not of the form').waitFor();
			assert(await dialog.getByRole('button', { name: 'Create' }).isDisabled(), 'a bad name can be sent');
			await dialog.locator('input[name=name]').fill('vera');
			await dialog.locator('input[name=password]').fill('first password');
			await dialog.getByRole('button', { name: 'Create' }).click();
			await dialog.waitFor({ state: 'detached' });
			await page.locator('tr', { hasText: 'vera' }).waitFor();
			await context.close();
			const viewer = await open(server);
			await viewer.page.goto(server.url);
			await viewer.page.locator('input[name=name]').fill('vera');
			await viewer.page.locator('input[name=password]').fill('first password');
			await viewer.page.locator('input[name=password]').press('Enter');
			const current = viewer.page.locator('input[name=current]');
			await current.waitFor();
			const refused = await viewer.page.evaluate(async () => {
				const answer = await fetch('/v1/machines');
				return { status: answer.status, ...(await answer.json()) };
			});
			assert(refused.status === 403 && refused.field === 'password_change_required', JSON.stringify(refused));
			await current.fill('first password');
			await viewer.page.locator('input[name=password]').fill('second password');
			await viewer.page.locator('input[name=repeat]').fill('second password');
			await viewer.page.locator('button[type=submit]').click();
			await viewer.page.locator('#main').waitFor();
			assert((await viewer.page.getByRole('link', { name: 'Users' }).count()) === 0, 'a viewer sees users');
			await viewer.page.goto(`${server.url}/machines`);
			await viewer.page.locator('tbody tr[data-id] a').first().click();
			await viewer.page.locator('h1', { hasText: 'machine-1' }).waitFor();
			assert((await viewer.page.getByRole('button', { name: 'Accept' }).count()) === 0, 'a viewer can accept');
			await viewer.page.goto(`${server.url}/machines`);
			await viewer.page.locator('tbody tr[data-id] a').first().waitFor();
			assert((await viewer.page.getByRole('checkbox').count()) === 0, 'a viewer can choose machines, for nothing');
			for (const [path, role] of [['users', 'admin'], ['tokens', 'operator'], ['join-tokens', 'admin'], ['vms/new', 'operator']]) {
				await viewer.page.goto(`${server.url}/${path}`);
				await viewer.page.getByText(new RegExp(`This takes the role: ${role}`, 'i')).waitFor();
				assert((await viewer.page.locator('#main button[type=submit], #main .ingot-toolbar').count()) === 0, `${path} has a form for a viewer`);
			}
			// Whoever is signed in is asked as soon as somebody says so.
			await server.must('PATCH', '/v1/users/vera', { password_change_required: true });
			await viewer.page.goto(`${server.url}/machines`);
			await current.waitFor();
			assert((await viewer.page.locator('#main').count()) === 0, 'the frame is shown before the password is changed');
			assert(wrong.length + viewer.wrong.length === 0, [...wrong, ...viewer.wrong].join('\n'));
			await viewer.context.close();
		});
		await tests.run('access: of a user only what was changed is sent; who was changed meanwhile is not overwritten; one is deleted by the name', async () => {
			const { page, context, wrong } = await open(server);
			const dialog = page.getByRole('dialog');
			await server.must('POST', '/v1/users', { name: 'olga', role: 'viewer', password: 'first password' });
			await signIn(page, server);
			await page.goto(`${server.url}/users`);
			const edit = page.getByRole('button', { name: 'Edit olga' });
			const save = dialog.getByRole('button', { name: 'Save' });
			await edit.click();
			assert(await save.isDisabled(), 'it saves what was not changed');
			await dialog.locator('select[name=role]').selectOption('operator');
			// Somebody else is faster.
			await server.must('PATCH', '/v1/users/olga', { disabled: true });
			await save.click();
			await dialog.getByText('It was changed meanwhile').waitFor();
			await dialog.getByText('Close this, look at what it is now').waitFor();
			await dialog.getByRole('button', { name: 'Cancel' }).click();
			const before = await server.must('GET', '/v1/users/olga');
			assert(before.disabled && before.role === 'viewer', JSON.stringify(before));
			await page.locator('tr', { hasText: 'olga' }).getByText('Disabled').waitFor();
			await edit.click();
			await dialog.locator('select[name=role]').selectOption('operator');
			const [sent] = await Promise.all([page.waitForRequest((request) => request.method() === 'PATCH'), save.click()]);
			await dialog.waitFor({ state: 'detached' });
			assert(sent.postData() === '{"role":"operator"}', sent.postData());
			const after = await server.must('GET', '/v1/users/olga');
			assert(after.disabled && after.role === 'operator', JSON.stringify(after));
			await page.getByRole('button', { name: 'Delete olga' }).click();
			await dialog.getByRole('textbox').fill('olga');
			await dialog.getByRole('button', { name: 'Delete' }).click();
			await dialog.waitFor({ state: 'detached' });
			assert((await server.api('GET', '/v1/users/olga')).status === 404, 'the user is still there');
			assert(wrong.length === 0, wrong.join('\n'));
			await context.close();
		});
		await tests.run('access: a token is shown once, works, and works no more when deleted', async () => {
			const { page, context } = await open(server);
			await signIn(page, server);
			await page.goto(`${server.url}/tokens`);
			await page.getByRole('button', { name: 'Create a token' }).click();
			await page.getByRole('dialog').locator('input[name=name]').fill('backup');
			await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
			const text = (await page.locator('pre').innerText()).trim();
			const other = Object.assign(Object.create(Object.getPrototypeOf(server)), { url: server.url, token: text });
			assert((await other.api('GET', '/v1/machines')).status === 200, 'the token does not work');
			assert((await other.api('POST', '/v1/volumes', { name: 'v' })).status === 403, 'a viewer’s token may change something');
			await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
			assert(!(await page.content()).includes(text), 'the token is still in the page');
			await page.getByRole('button', { name: 'Delete backup' }).click();
			const remove = page.getByRole('dialog').getByRole('button', { name: 'Delete' });
			assert(await remove.isDisabled(), 'it is deleted without its name');
			await page.getByRole('dialog').getByRole('textbox').fill('backup');
			await remove.click();
			await page.getByRole('dialog').waitFor({ state: 'detached' });
			assert((await other.api('GET', '/v1/machines')).status === 401, 'the deleted token works');
			await context.close();
		});
		await tests.run('access: the audit list tells of it', async () => {
			const { page, context } = await open(server);
			await signIn(page, server);
			await page.goto(`${server.url}/audit`);
			await page.locator('tr', { hasText: 'token.delete' }).first().waitFor();
			const text = await page.locator('tbody').innerText();
			assert(text.includes('user.create') && text.includes('session.create'), text);
			assert(!text.includes('first password') && !text.includes(PASSWORD), 'a password is in the audit list');
			await context.close();
		});
		await tests.run('access: a second window that signs in leaves the first one at work; signed in once and out once is it everywhere', async () => {
			const { page, context } = await open(server);
			const second = await context.newPage();
			const form = (each) => each.locator('input[name=password]');
			await page.goto(`${server.url}/networks`);
			await second.goto(`${server.url}/networks`);
			await form(second).waitFor();
			await signIn(page, server);
			await second.locator('h1', { hasText: 'Networks' }).waitFor();
			// The server has another session for the cookie than the first window knows of, and nobody has told it.
			await second.evaluate(async ([name, password]) => {
				await fetch('/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, password }) });
			}, ['admin', PASSWORD]);
			await page.goto(`${server.url}/networks`);
			await second.getByRole('button', { name: 'Create a network' }).click();
			await second.getByRole('dialog').locator('input[name=name]').fill('shared');
			await second.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
			await second.getByRole('dialog').waitFor({ state: 'detached' });
			await second.getByRole('button', { name: 'Sign out' }).click();
			await form(second).waitFor();
			await form(page).waitFor();
			await context.close();
		});
		await tests.run('access: a session that has ended asks to sign in again', async () => {
			const { page, context } = await open(server);
			await signIn(page, server);
			await context.clearCookies();
			// Whichever asks the server first: the click, or the page by itself.
			const ended = page.getByText('Your session has ended');
			await Promise.any([ended.waitFor(), page.getByRole('link', { name: 'Volumes' }).click()]);
			await ended.waitFor();
			await context.close();
		});
		await tests.run('access: what was typed is still there for who signs in again, and for nobody else', async () => {
			const { page, context, wrong } = await open(server);
			const dialog = page.getByRole('dialog');
			await server.must('POST', '/v1/users', { name: 'otto', role: 'operator', password: PASSWORD });
			await signIn(page, server);
			await page.goto(`${server.url}/networks`);
			const over = page.locator('.ingot-over');
			const again = async (name) => {
				await page.getByText('Your session has ended').waitFor();
				await page.keyboard.press('Escape');
				assert((await page.locator('#root').getAttribute('aria-hidden')) === 'true', 'the page that waits is read aloud');
				await over.getByRole('textbox', { name: 'Name' }).fill(name);
				await over.locator('input[name=password]').fill(PASSWORD);
				await over.locator('input[name=password]').press('Enter');
				await over.waitFor({ state: 'detached' });
			};
			const typed = async (name) => {
				await page.getByRole('button', { name: 'Create a network' }).click();
				await dialog.locator('input[name=name]').fill(name);
				await dialog.locator('input[name=vlan]').fill('77');
				// The page finds out by itself: it looks again at what runs.
				await context.clearCookies();
			};
			await typed('kept');
			await again('admin');
			assert((await dialog.locator('input[name=name]').inputValue()) === 'kept', 'what was typed is gone');
			await dialog.getByRole('button', { name: 'Create' }).click();
			await dialog.waitFor({ state: 'detached' });
			await page.locator('tr', { hasText: 'kept' }).waitFor();
			await typed('private');
			await again('otto');
			await page.locator('.ingot-user', { hasText: 'otto' }).waitFor();
			assert((await page.locator('input[name=name]').count()) === 0, 'another user sees what was typed');
			assert(wrong.length === 0, wrong.join('\n'));
			await context.close();
		});
	} finally {
		await server.stop();
	}
}
