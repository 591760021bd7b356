// SPDX-License-Identifier: GPL-3.0-or-later
// What things are made of: the licences of the dashboard's parts.
import { Server, assert, open, settled, signIn } from './world.mjs';

async function licenceTests(tests, { page, go }) {
	await tests.run('about: every package and font has the text of its licence, which is read when it is wanted', async () => {
		const asked = [];
		page.on('request', (call) => call.url().endsWith('/licences.json') && asked.push(call.url()));
		await go('/');
		await page.locator('h1').first().waitFor();
		await settled(page);
		assert(asked.length === 0, 'the first load reads the licences');
		await go('/about');
		const open = page.getByRole('button', { name: /^Text of the licence/ });
		await open.first().waitFor();
		assert((await open.count()) > 20, `there are ${await open.count()} parts`);
		await page.getByRole('button', { name: 'Text of the licence MIT of react', exact: true }).click();
		await page.getByRole('dialog').getByText('Permission is hereby granted, free of charge').waitFor();
		await page.waitForURL('**/about?licence=react');
		await page.keyboard.press('Escape');
		await page.getByRole('dialog').waitFor({ state: 'detached' });
		await page.getByRole('button', { name: /OFL-1.1 of/ }).first().click();
		await page.getByRole('dialog').getByText('SIL OPEN FONT LICENSE').first().waitFor();
		await page.keyboard.press('Escape');
		const empty = await page.evaluate(async () => {
			const { parts, texts } = await (await fetch('/licences.json')).json();
			return parts.filter((part) => !part.texts.length || part.texts.some(({ text }) => !texts[text]?.trim())).map((part) => part.name);
		});
		assert(empty.length === 0, `without a text: ${empty}`);
	});
}

export async function partTests(tests, options) {
	if (!tests.wants('about')) return;
	const server = await Server.start(options.server, options.ui, { machines: 1 });
	const { page, context, wrong } = await open(server);
	const go = (path) => page.goto(server.url + path);
	try {
		await signIn(page, server);
		await licenceTests(tests, { page, go });
		await tests.run('about: nothing in the console but what was provoked', async () => assert(wrong.length === 0, wrong.join('\n')));
	} finally {
		await context.close();
		await server.stop();
	}
}
