// SPDX-License-Identifier: GPL-3.0-or-later
// Every route: accessible by axe in both themes, without English in Korean, without overflow at 320 px, and a picture of each.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, assert, axeSource, open, picture, settled, signIn } from './world.mjs';

const SERIOUS = ['serious', 'critical'];

export async function look(page) {
	// The policy of the pages refuses what is injected as a script element: axe is evaluated.
	await page.evaluate(axeSource);
	const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
	return result.violations.filter((violation) => SERIOUS.includes(violation.impact)).map((violation) => `${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.target.join(' ')).slice(0, 4).join(' | ')}`);
}

/** What a Korean page says in Latin letters: names of standards, products and units, and what is shown as a machine reads it. */
const LATIN = new Set(
	`API ARP BIOS BMC BSD Ceph CPU CSRF DHCP DNS GiB GNU GPL HTTP HTTPS Ingot IPMI iPXE IPv ISO JSON KiB LACP Linux MAC Mbit MiB MIME MIT MTU NoCloud NTP OFL OpenAPI
	OSD POSIX PXE qcow QEMU USB SHA RAM REST RPM SOL SSH Tab TCP TiB TLS UDP UEFI URL UTC UTF UUID vCPU VLAN VNC WWN YAML cidata cloud init config`.split(/\s+/),
);
/** What is typed as it stands wherever one is. */
const VERBATIM = ['“node”', '(join.token)', '(raw)'];
/** Names that somebody gave, addresses, and what was said by others is not in the language of the page. */
const NOT_OURS = 'bdi, code, pre, .ingot-foreign, [lang=en], a[href^="/machines/"], a[href^="/nodes/"], a[href^="/vms/"], a[href^="/volumes/"], a[href^="/images/"], a[href^="/networks/"], a[href^="/pools/"]';

/** Attributes that are shown, or read aloud. */
const SAID = ['alt', 'aria-description', 'aria-label', 'aria-placeholder', 'aria-roledescription', 'aria-valuetext', 'placeholder', 'title'];

/** Words of three Latin letters and more that the page says in its own words. */
export async function latinWords(page, names) {
	const texts = await page.evaluate(([others, names]) => {
		const found = [];
		// All of the page: dialogs are not within its root. What is for those who hear it counts as well.
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let node = walker.nextNode(); node; node = walker.nextNode()) if (!node.parentElement.closest(others)) found.push(node.data);
		for (const element of document.body.querySelectorAll('*'))
			if (!element.closest(others)) found.push(...names.map((name) => element.getAttribute(name)).filter(Boolean));
		return found;
	}, [NOT_OURS, SAID]);
	const given = [...VERBATIM, ...names].sort((a, b) => b.length - a.length);
	return texts.flatMap((text) => {
		const rest = given.reduce((left, name) => left.replaceAll(name, ' '), text);
		return (rest.match(/[A-Za-z]{3,}/g) ?? []).filter((word) => !LATIN.has(word)).map((word) => `${word} (${text.trim().slice(0, 80)})`);
	});
}

/** What of the tables nobody sees: what lies beside the window or its frame, and heads, times and states that are cut off. */
function outOfSight(page) {
	return page.evaluate(() => {
		const found = [];
		for (const box of document.querySelectorAll('.ingot-scroll, .ingot-scroll-x')) {
			const label = box.getAttribute('aria-label');
			if (box.scrollWidth > box.clientWidth) found.push(`${label}: ${box.scrollWidth} px in ${box.clientWidth} px`);
			const row = box.querySelector('tbody tr:not([aria-hidden])');
			for (const cell of row?.querySelectorAll('td') ?? []) {
				const said = document.createRange();
				said.selectNodeContents(cell);
				const { left, right, width } = said.getBoundingClientRect();
				const cut = getComputedStyle(cell).overflowX === 'hidden';
				if (left < 0 || width === 0 || (!cut && right > innerWidth)) found.push(`${label}: ${cell.dataset.label ?? cell.innerText} lies from ${left} to ${right} px`);
			}
		}
		for (const cell of document.querySelectorAll('.ingot-table th, .ingot-table th .pf-v6-c-table__text, .ingot-table td'))
			if ((cell.tagName !== 'TD' || cell.querySelector('time, [data-state]')) && cell.scrollWidth > cell.clientWidth) found.push(`cut off: ${cell.innerText}`);
		return found;
	});
}

/** What happened is told in words, not as the API calls it. */
async function codeWords(page, name) {
	if (!/^(overview|events)$|-timeline$/.test(name)) return [];
	const text = await page.locator('#main').innerText();
	const found = text.match(/\b(image|machine|vm|volume)\.[a-z]+\b.*/g) ?? [];
	return name === 'events' && !text.includes('Commission: succeeded') ? [...found, `no commission is told of: ${text}`] : found;
}

const wordsOf = (language) => {
	const text = readFileSync(new URL(`../../ui/src/i18n/${language}.ts`, import.meta.url), 'utf8');
	return new Map([...text.matchAll(/^\t'([^']+)': '((?:[^'\\]|\\.)*)',$/gm)].map(([, key, said]) => [key, said]));
};

/** How the page in Korean says what the one in English says so. */
function koreanOf(english) {
	const korean = wordsOf('ko');
	const said = [...wordsOf('en')].filter(([, text]) => text === english).map(([key]) => korean.get(key));
	assert(said.length > 0, `no key says ${english}`);
	return new RegExp(`^(${said.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})$`);
}

/** Those of the dashboard that are not looked at: each has its pictures, or a new one is forgotten. */
const ELSEWHERE = ['/console/:collection/:id/:kind'];
function routesWithout(addresses) {
	const source = readFileSync(new URL('../../ui/src/app.tsx', import.meta.url), 'utf8');
	const paths = [...source.matchAll(/<Route (?:path="([^"]+)"|index) element=/g)].map(([, path]) => `/${(path ?? '').replace(/^\//, '')}`);
	assert(paths.length > 20, `app.tsx has ${paths.length} routes`);
	const seen = addresses.map((address) => address.split('?')[0]);
	// What no other route takes is taken by the last one.
	const others = paths.filter((path) => path !== '/*' && !ELSEWHERE.includes(path));
	const looksLike = (path) => new RegExp(`^${path.replaceAll(/:[a-z]+/g, '[^/]+')}$`);
	const missing = others.filter((path) => !seen.some((each) => each === path || (looksLike(path).test(each) && !others.includes(each))));
	return seen.some((each) => others.every((path) => !looksLike(path).test(each))) ? missing : [...missing, '/*'];
}

/** In two parts, which take equally long and run beside each other. */
export async function themeTests(tests, options) {
	await lookTests(tests, options, ['axe']);
}

export async function sizeTests(tests, options) {
	await lookTests(tests, options, ['korean', '320', '4k', 'keyboard']);
}

async function lookTests(tests, options, parts) {
	if (!tests.wants(...parts)) return;
	const server = await Server.start(options.server, options.ui, { machines: 5, nodes: 3, history: 14 });
	try {
		await server.poolActive();
		const vm = await server.makeVm('web');
		const db = await server.makeVm('db', false);
		const [machine] = (await server.must('GET', '/v1/machines?state=deployed')).items;
		const [fresh, ready] = await server.until('/v1/machines?state=new', (list) => list.items.length === 2 && list.items, 'two machines that are new');
		await server.must('POST', `/v1/machines/${ready.id}/accept`, {});
		await server.until(`/v1/machines/${ready.id}`, (each) => each.state === 'ready', 'a machine that is ready');
		await server.must('POST', '/v1/networks', { name: 'dmz', vlan: 20, description: 'cafe' });
		const [node] = (await server.must('GET', '/v1/nodes')).items;
		const routes = {
			overview: '/',
			guide: '/guide',
			machines: '/machines',
			machine: `/machines/${machine.id}`,
			'machine-disks': `/machines/${machine.id}?tab=disks`,
			'machine-nics': `/machines/${machine.id}?tab=nics`,
			'machine-sensors': `/machines/${machine.id}?tab=sensors`,
			'machine-event-log': `/machines/${machine.id}?tab=sel`,
			'machine-timeline': `/machines/${machine.id}?tab=timeline`,
			nodes: '/nodes',
			node: `/nodes/${node.id}`,
			'node-timeline': `/nodes/${node.id}?tab=timeline`,
			disks: '/disks',
			pools: '/pools',
			pool: '/pools/default',
			'pool-disks': '/pools/default?tab=disks',
			volumes: '/volumes',
			volume: '/volumes/web-disk',
			'volume-timeline': '/volumes/web-disk?tab=timeline',
			images: '/images',
			image: '/images/guest',
			networks: '/networks',
			network: '/networks/dmz',
			vms: '/vms',
			'vm-new': '/vms/new',
			vm: `/vms/${vm.id}`,
			tasks: '/tasks',
			events: '/events',
			audit: '/audit',
			users: '/users',
			tokens: '/tokens',
			'join-tokens': '/join-tokens',
			'bmc-ranges': '/bmc-ranges',
			settings: '/settings',
			about: '/about',
			'not-found': '/nowhere',
		};
		await tests.run('axe: every route of the dashboard is looked at', async () => {
			const missing = routesWithout(Object.values(routes));
			assert(missing.length === 0, `nobody looks at ${missing.join(', ')}`);
		});
		const dialogs = {
			accept: [`/machines/${fresh.id}`, 'Accept'],
			deploy: [`/machines/${ready.id}`, 'Deploy'],
			power: [`/machines/${machine.id}`, 'Power cycle'],
			migrate: [`/vms/${vm.id}`, 'Migrate'],
			stop: [`/vms/${vm.id}`, 'Stop'],
			delete: [`/vms/${vm.id}`, 'Delete'],
			'delete-image': ['/images/guest', 'Delete'],
			'delete-network': ['/networks/dmz', 'Delete'],
			user: ['/users', 'Create a user'],
			token: ['/tokens', 'Create a token'],
			'join-token': ['/join-tokens', 'Create a join token'],
			'bmc-range': ['/bmc-ranges', 'Add a range'],
			network: ['/networks', 'Create a network'],
			volume: ['/volumes', 'Create a volume'],
			image: ['/images', 'Add an image'],
		};
		const names = (await Promise.all(['machines', 'nodes', 'pools', 'volumes', 'images', 'networks', 'vms', 'users'].map((list) => server.must('GET', `/v1/${list}`)))).flatMap((list) => list.items.map((each) => each.name));
		names.push(...(await server.must('GET', '/licences.json')).parts.flatMap((part) => [part.name, part.licence]));
		names.push(...(await server.must('GET', `/v1/machines/${ready.id}`)).inventory.disks.map((disk) => disk.serial));
		const settle = async (page) => {
			await page.locator('h1').first().waitFor();
			await page.waitForFunction(() => !document.querySelector('.ingot-bullseye'));
			await settled(page);
		};
		for (const theme of parts.includes('axe') ? ['light', 'dark'] : []) {
			const { page, context, wrong } = await open(server, { theme });
			await page.goto(server.url);
			await tests.run(`axe: sign-in, ${theme}`, async () => {
				await page.locator('input[name=name]').waitFor();
				const found = await look(page);
				await picture(page, join(options.shots, `sign-in-${theme}.png`));
				assert(found.length === 0, found.join('\n'));
			});
			await signIn(page, server);
			for (const [name, path] of Object.entries(routes))
				await tests.run(`axe: ${name}, ${theme}`, async () => {
					await page.goto(server.url + path);
					await settle(page);
					await picture(page, join(options.shots, `${name}-${theme}.png`));
					const found = [...(await look(page)), ...(await outOfSight(page)), ...(await codeWords(page, name))];
					assert(found.length === 0, found.join('\n'));
					assert(wrong.length === 0, wrong.splice(0).join('\n'));
				});
			for (const [name, [path, button]] of Object.entries(dialogs))
				await tests.run(`axe: the dialog ${name}, ${theme}`, async () => {
					await page.goto(server.url + path);
					await settle(page);
					await page.getByRole('button', { name: button, exact: true }).first().click();
					await page.getByRole('dialog').waitFor();
					await picture(page, join(options.shots, `dialog-${name}-${theme}.png`));
					const found = await look(page);
					assert(found.length === 0, found.join('\n'));
				});
			await tests.run(`axe: the drawer of tasks, ${theme}`, async () => {
				await page.goto(server.url);
				await page.getByRole('button', { name: /^Tasks:/ }).click();
				await page.locator('.ingot-drawer').waitFor();
				await picture(page, join(options.shots, `drawer-${theme}.png`));
				const [edge, text] = await Promise.all([page.locator('.ingot-drawer').boundingBox(), page.locator('.ingot-drawer h2').boundingBox()]);
				assert(text.x - edge.x >= 12, `its text begins ${text.x - edge.x} px from its edge`);
				const found = await look(page);
				assert(found.length === 0, found.join('\n'));
			});
			await context.close();
		}
		if (parts.includes('korean')) {
			const { page, context, wrong } = await open(server, { language: 'ko' });
			await page.goto(server.url);
			await page.getByText('로그인').first().waitFor();
			await signIn(page, server);
			for (const [name, path] of Object.entries(routes))
				await tests.run(`korean: ${name}`, async () => {
					await page.goto(server.url + path);
					await settle(page);
					await picture(page, join(options.shots, `${name}-ko.png`));
					assert((await page.locator('html').getAttribute('lang')) === 'ko', 'the language of the page');
					assert(/[\uac00-\ud7a3]/.test(await page.locator('h1').first().innerText()) || /^((machine|node|pool|volume)(-.*)?|vm|image|network)$/.test(name), 'the title is not Korean');
					const words = await latinWords(page, names);
					assert(words.length === 0, `not Korean:\n${[...new Set(words)].join('\n')}`);
					const unseen = await outOfSight(page);
					assert(unseen.length === 0, unseen.join('\n'));
					assert(wrong.length === 0, wrong.splice(0).join('\n'));
				});
			for (const [name, [path, button]] of Object.entries(dialogs))
				await tests.run(`korean: the dialog ${name}`, async () => {
					await page.goto(server.url + path);
					await settle(page);
					const said = koreanOf(button);
					await page.getByRole('button', { name: said }).first().click();
					await page.getByRole('dialog').waitFor();
					// What is said of a wrong entry belongs to it.
					for (const field of await page.locator('[role=dialog] input[name]:is([type=text], [type=password])').all()) await field.fill('--');
					const words = await latinWords(page, names);
					assert(words.length === 0, `not Korean:\n${[...new Set(words)].join('\n')}`);
				});
			await tests.run('korean: what waits says so in Korean', async () => {
				let release;
				const held = new Promise((resolve) => (release = resolve));
				await page.route(/\/v1\/machines\?/, async (route) => {
					await held;
					await route.continue();
				});
				await page.goto(`${server.url}/machines`);
				await page.locator('.ingot-scroll .pf-v6-c-spinner').waitFor();
				const words = await latinWords(page, names);
				release();
				await settle(page);
				await page.unroute(/\/v1\/machines\?/);
				assert(words.length === 0, `not Korean:\n${[...new Set(words)].join('\n')}`);
			});
			await context.close();
		}
		const sizes = [
			['320', 320, 800],
			['4k', 3840, 2160],
		];
		for (const [size, width, height] of sizes.filter(([name]) => parts.includes(name))) {
			const { page, context } = await open(server, { width, height });
			await signIn(page, server);
			for (const [name, path] of Object.entries(routes))
				await tests.run(`${size}: ${name} needs no sideways scrolling`, async () => {
					await page.goto(server.url + path);
					await settle(page);
					await picture(page, join(options.shots, `${name}-${size}.png`));
					const over = await page.evaluate(() => {
						const main = document.getElementById('main');
						return Math.max(document.documentElement.scrollWidth - innerWidth, main ? main.scrollWidth - main.clientWidth : 0);
					});
					assert(over <= 1, `${over} px too wide`);
					const unseen = await outOfSight(page);
					assert(unseen.length === 0, unseen.join('\n'));
				});
			if (size === '320')
				await tests.run('320: cards are sorted and chosen by the keyboard, and their order stays in the address', async () => {
					await page.goto(`${server.url}/machines`);
					await settle(page);
					const sort = page.getByRole('combobox', { name: 'Sort by' });
					assert((await sort.inputValue()) === 'name', `it says ${await sort.inputValue()}`);
					await sort.focus();
					await page.keyboard.press('ArrowDown');
					await page.waitForURL((url) => url.searchParams.get('sort') === '-name');
					const [expected] = (await server.must('GET', '/v1/machines?sort=-name&limit=1')).items;
					await page.locator('tr[data-id]').first().getByRole('link', { name: expected.name, exact: true }).waitFor();
					await page.reload();
					await settle(page);
					assert((await sort.inputValue()) === '-name', 'the order is gone with the page');
					await page.getByRole('checkbox', { name: 'Select all rows shown' }).focus();
					await page.keyboard.press('Space');
					await page.getByText('5 selected').waitFor();
					const found = await look(page);
					assert(found.length === 0, found.join('\n'));
				});
			if (size === '320')
				await tests.run('320: dialogs, the drawer and signing in need no sideways scrolling', async () => {
					const fits = async (what) => {
						const over = await page.evaluate(() => {
							const boxes = [document.documentElement, ...document.querySelectorAll('[role=dialog], .pf-v6-c-modal-box__body, .pf-v6-c-modal-box__title-text, .ingot-drawer')];
							return Math.max(...boxes.map((box) => Math.max(box.scrollWidth - box.clientWidth, box.getBoundingClientRect().right - innerWidth)));
						});
						assert(over <= 1, `${what}: ${over} px too wide`);
					};
					for (const [name, [path, button]] of Object.entries(dialogs)) {
						await page.goto(server.url + path);
						await settle(page);
						await page.getByRole('button', { name: button, exact: true }).first().click();
						await page.getByRole('dialog').waitFor();
						await picture(page, join(options.shots, `dialog-${name}-320.png`));
						await fits(`the dialog ${name}`);
					}
					await page.goto(server.url);
					await page.getByRole('button', { name: /^Tasks:/ }).click();
					await page.locator('.ingot-drawer').waitFor();
					await picture(page, join(options.shots, 'drawer-320.png'));
					await fits('the drawer');
					await context.clearCookies();
					await page.goto(server.url);
					await page.locator('input[name=password]').waitFor();
					await fits('signing in');
				});
			await context.close();
		}
		if (parts.includes('keyboard')) await tests.run('keyboard: sign in, go to a machine, open and leave a dialog, start and stop a virtual machine, without a mouse', async () => {
			const { page, context } = await open(server);
			await page.goto(server.url);
			await page.locator('input[name=name]').waitFor();
			const press = (key) => page.keyboard.press(key);
			const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('aria-label') || document.activeElement?.getAttribute('name') || '');
			const tabTo = async (what) => {
				for (let i = 0; i < 120; i++) {
					await press('Tab');
					if (what.test(await focused())) return;
				}
				throw new Error(`Tab does not come to ${what}`);
			};
			await tabTo(/^name$/);
			await page.keyboard.type('admin');
			await tabTo(/^password$/);
			await page.keyboard.type('correct horse battery staple');
			await press('Enter');
			await page.locator('#main').waitFor();
			await tabTo(/^Skip to content$/);
			await press('Enter');
			await page.goto(server.url);
			await page.locator('#main').waitFor();
			await tabTo(/^Machines$/);
			await press('Enter');
			await page.waitForURL('**/machines');
			await page.locator('tr[data-id]').first().waitFor();
			await tabTo(/^machine-1$/);
			await press('Enter');
			await page.locator('h1', { hasText: 'machine-1' }).waitFor();
			await tabTo(/^Power cycle$/);
			await press('Enter');
			await page.getByRole('dialog').waitFor();
			for (let i = 0; i < 12; i++) {
				await press('Tab');
				assert(await page.evaluate(() => Boolean(document.activeElement?.closest('[role=dialog]'))), 'Tab leaves the dialog');
			}
			await press('Escape');
			await page.getByRole('dialog').waitFor({ state: 'detached' });
			assert(/Power cycle/.test(await focused()), `the focus does not come back: ${await focused()}`);
			// What is asked for is done, and what is dangerous only once its name was typed.
			await page.goto(`${server.url}/vms/${db.id}`);
			await page.locator('h1', { hasText: 'db' }).waitFor();
			await tabTo(/^Start$/);
			await press('Enter');
			await page.locator('.ingot-head [data-state=running]').waitFor();
			await tabTo(/^Stop$/);
			await press('Enter');
			await page.getByRole('dialog').waitFor();
			for (let i = 0; i < 12 && !(await page.evaluate(() => document.activeElement?.matches('[role=dialog] input'))); i++) await press('Tab');
			await page.keyboard.type('d');
			await press('Enter');
			assert(await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).isDisabled(), 'half a name will do');
			await page.keyboard.type('b');
			await press('Enter');
			await page.getByRole('dialog').waitFor({ state: 'detached' });
			await server.until(`/v1/vms/${db.id}`, (each) => each.state === 'stopped', 'a machine that was stopped');
			await page.locator('.ingot-head [data-state=stopped]').waitFor();
			await context.close();
		});
	} finally {
		await server.stop();
	}
}
