// SPDX-License-Identifier: GPL-3.0-or-later
// What the browser tests stand on: a provisioner over simulated machines, a browser, and a person who is signed in.
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { X509Certificate, createHash } from 'node:crypto';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';

// Packages are those of the dashboard.
const packages = createRequire(new URL('../../ui/package.json', import.meta.url));
export const { chromium } = packages('playwright-core');
export const axeSource = readFileSync(packages.resolve('axe-core/axe.min.js'), 'utf8');

/** The pages that each suite has opened: suites run beside one another. */
export const suitePages = new AsyncLocalStorage();
export const PASSWORD = 'correct horse battery staple';
const START_MS = 60000;
/** What a page is given to come to be what is waited for: nobody waits that long but where something is broken. */
const PAGE_MS = 60000;
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Where servers keep what they store: in memory if there is such a place, since each commit waits for its disk. */
function storeDir() {
	try {
		accessSync('/dev/shm', constants.W_OK);
		return '/dev/shm';
	} catch {
		return tmpdir();
	}
}

export class Server {
	/** options: machines, nodes, hostile, port; room: what fits into the pool; history: for how many days it has been filling; guest: image of what consoles show; dir: of an earlier one that goes on. */
	static async start(program, ui, options = {}) {
		const server = new Server();
		server.dir = options.dir ?? mkdtempSync(join(storeDir(), 'ingot-ui-'));
		server.options = options;
		server.program = program;
		server.ui = ui;
		if (!options.dir) writeFileSync(join(server.dir, 'admin.password'), `${PASSWORD}\n`, { mode: 0o600 });
		await server.run(options.port ?? 0);
		try {
			server.browser = await browser(server.url);
		} catch (error) {
			await server.stop();
			throw error;
		}
		return server;
	}

	async run(port) {
		const args = ['--dir', this.dir, '--ui', this.ui, '--port', String(port), '--machines', String(this.options.machines ?? 3), '--nodes', String(this.options.nodes ?? 0)];
		if (this.options.hostile) args.push('--hostile');
		if (this.options.room) args.push('--room', String(this.options.room));
		if (this.options.history) args.push('--history', String(this.options.history));
		if (this.options.guest) args.push('--guest', this.options.guest);
		this.process = spawn(this.program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
		this.log = '';
		this.process.stderr.on('data', (data) => (this.log = (this.log + data).slice(-20000)));
		this.ended = new Promise((resolve) => this.process.once('exit', resolve));
		this.url = await new Promise((resolve, reject) => {
			let text = '';
			const timer = setTimeout(() => reject(new Error(`the server did not start: ${this.log}`)), START_MS);
			this.process.stdout.on('data', (data) => {
				text += data;
				const found = /https:\/\/127\.0\.0\.1:\d+/.exec(text);
				if (!found) return;
				clearTimeout(timer);
				resolve(found[0]);
			});
			this.ended.then((code) => reject(new Error(`the server ended (${code}): ${this.log}`)));
		});
		this.token = readFileSync(join(this.dir, 'admin.token'), 'utf8').trim();
	}

	/** Kills it and starts it again on the same port and folder. */
	async kill() {
		this.process.kill('SIGKILL');
		await this.ended;
	}

	async restart() {
		await this.run(Number(new URL(this.url).port));
	}

	async stop() {
		await this.browser?.close();
		this.process.kill('SIGTERM');
		await this.ended;
		rmSync(this.dir, { recursive: true, force: true });
	}

	/** A call with the administrator's token. Its certificate is of its own authority, which is not looked at here. */
	api(method, path, body, more = {}) {
		return new Promise((resolve, reject) => {
			const text = body === undefined ? undefined : Buffer.isBuffer(body) ? body : JSON.stringify(body);
			const call = request(
				this.url + path,
				{
					method,
					rejectUnauthorized: false,
					headers: {
						Authorization: `Bearer ${this.token}`,
						...(text ? { 'Content-Length': Buffer.byteLength(text), 'Content-Type': Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json' } : {}),
						...more,
					},
				},
				(answer) => {
					let data = '';
					answer.on('data', (part) => (data += part));
					answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, json: data.startsWith('{') ? JSON.parse(data) : null, text: data }));
				},
			);
			call.on('error', reject);
			call.end(text);
		});
	}

	async must(method, path, body) {
		const answer = await this.api(method, path, body);
		if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
		return answer.json;
	}

	/** Asks again until look() says something true of the answer. */
	async until(path, look, what, ms = 120000) {
		const end = Date.now() + ms;
		for (;;) {
			const json = await this.must('GET', path);
			const found = look(json);
			if (found) return found;
			if (Date.now() > end) throw new Error(`it did not come to be: ${what}: ${JSON.stringify(json).slice(0, 600)}`);
			await new Promise((resolve) => setTimeout(resolve, 300));
		}
	}

	poolActive() {
		return this.until('/v1/pools', (list) => list.items[0]?.state === 'active', 'an active pool');
	}

	/** An image, a volume and a virtual machine that runs. */
	async makeVm(name, start = true) {
		let image = (await this.must('GET', '/v1/images')).items[0];
		if (!image) {
			image = await this.must('POST', '/v1/images', { name: 'guest' });
			await this.must('PUT', `/v1/images/${image.id}/content`, Buffer.alloc(1 << 20));
			await this.until(`/v1/images/${image.id}`, (each) => each.state === 'available', 'an available image');
		}
		await this.must('POST', '/v1/volumes', { name: `${name}-disk`, image: image.id });
		await this.until('/v1/volumes', (list) => list.items.find((each) => each.name === `${name}-disk`)?.state === 'available', 'a volume');
		const vm = await this.must('POST', '/v1/vms', { name, volume: `${name}-disk`, memory_bytes: 1 << 30, start });
		if (start) await this.until(`/v1/vms/${vm.id}`, (each) => each.state === 'running', `${name} running`);
		return vm;
	}
}

/** SHA-256 of the public key of the last certificate that is shown at url: the authority's, if that is among them. */
function keyBehind(url) {
	return new Promise((resolve, reject) => {
		const { hostname, port } = new URL(url);
		const socket = connect({ host: hostname, port, rejectUnauthorized: false }, () => {
			let certificate = socket.getPeerCertificate(true);
			while (certificate.issuerCertificate && certificate.issuerCertificate !== certificate) certificate = certificate.issuerCertificate;
			const key = new X509Certificate(certificate.raw).publicKey.export({ type: 'spki', format: 'der' });
			socket.destroy();
			resolve(createHash('sha256').update(key).digest('base64'));
		});
		socket.once('error', reject);
	});
}

/** A browser that trusts who is at url, as that of a person does who has imported the authority. One that is told to overlook errors
 * of certificates instead has each new connection refused first and asks again for what it wanted, from connections that are
 * being refused as well: with some of them slow it gives up (ERR_TOO_MANY_RETRIES). */
export async function browser(url) {
	return chromium.launch({
		executablePath: CHROMIUM,
		args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', `--ignore-certificate-errors-spki-list=${await keyBehind(url)}`],
	});
}

/** A page of its own, with all that went wrong in it: errors, refused policies, calls to elsewhere. at: the url it is for, and the
 * browser. */
export async function open(at, { language = 'en', theme = 'light', width = 1366, height = 900, reducedMotion = 'reduce' } = {}) {
	const context = await at.browser.newContext({
		locale: language === 'ko' ? 'ko-KR' : 'en-GB',
		timezoneId: language === 'ko' ? 'Asia/Seoul' : 'Europe/London',
		viewport: { width, height },
		colorScheme: theme,
		reducedMotion,
		permissions: ['clipboard-read', 'clipboard-write'],
	});
	const page = await context.newPage();
	page.setDefaultTimeout(PAGE_MS);
	const wrong = [];
	const refused = [];
	page.on('response', (answer) => {
		if (answer.status() >= 400) refused.push(`${answer.status()} ${answer.request().method()} ${new URL(answer.url()).pathname}`);
	});
	suitePages.getStore()?.push({ page, refused });
	page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
	page.on('console', (message) => {
		const text = message.text();
		if (/Content.Security.Policy|Refused to/i.test(text)) wrong.push(`policy: ${text}`);
		else if (message.type() === 'error' && !/Failed to load resource|net::ERR|ERR_CONNECTION/.test(text)) wrong.push(`console: ${text}`);
	});
	page.on('request', (call) => {
		const url = new URL(call.url());
		if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== at.url && url.protocol !== 'wss:') wrong.push(`asks elsewhere: ${call.url()}`);
	});
	return { context, page, wrong };
}

/** Until no request is under way but the stream of events (which never ends: a page is never without network), and what came is
 *  drawn. */
export async function settled(page) {
	// Of an earlier call on the same page nothing counts; and a browser keeps 250 entries if it is not told otherwise.
	await page.evaluate(() => {
		window.resourcesSeen = undefined;
		performance.setResourceTimingBufferSize(100000);
	});
	await page.waitForFunction(() => {
		const now = performance.getEntriesByType('resource').length;
		const before = window.resourcesSeen;
		window.resourcesSeen = now;
		return before === now && !document.querySelector('[aria-busy=true], .pf-v6-c-spinner, .pf-v6-c-skeleton');
	}, undefined, { polling: 250 });
	await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** What the pages of the running suite show: for whoever reads of a failure, and was not there. */
async function told() {
	for (const { page, refused } of suitePages.getStore() ?? []) {
		if (page.isClosed()) continue;
		const text = await page
			.evaluate(() => {
				const button = (each) => `[${each.innerText || each.ariaLabel}${each.disabled ? ', disabled' : ''}]`;
				const main = document.querySelector('[role=dialog]') ?? document.querySelector('#main') ?? document.body;
				return `${main.innerText}\n${Array.from(main.querySelectorAll('button'), button).join(' ')}`;
			})
			.catch((error) => `does not tell: ${error.message}`);
		console.log(`   ${page.url()} shows:\n${text.slice(0, 3000).replace(/^/gm, '   | ')}`);
		if (refused.length > 0) console.log(`   refused last: ${refused.slice(-5).join('; ')}`);
	}
}

const PICTURE_MAX_PX = 8000;
/** What grows with the window. */
const SCROLLERS = '#main, .pf-v6-c-drawer__content, .pf-v6-c-drawer__panel, .pf-v6-c-page__sidebar, .ingot-scroll, .ingot-drawer, .pf-v6-c-modal-box__body';
/** A picture of all of a page, also of what is out of sight: the frame scrolls, not the window, which is made as high as that takes
 *  meanwhile. */
export async function picture(page, path) {
	const { width, height } = page.viewportSize();
	const hidden = () =>
		page.evaluate((boxes) => {
			const scrolls = (box) => /auto|scroll/.test(getComputedStyle(box).overflowY);
			const inside = Array.from(document.querySelectorAll(boxes)).filter(scrolls).map((box) => box.scrollHeight - box.clientHeight);
			return Math.max(document.documentElement.scrollHeight - innerHeight, ...inside);
		}, SCROLLERS);
	let high = height;
	// What becomes visible may have more below it.
	for (let more = await hidden(), looks = 0; more > 1 && looks < 6 && high < PICTURE_MAX_PX; more = await hidden(), looks++) {
		high = Math.min(high + Math.ceil(more), PICTURE_MAX_PX);
		await page.setViewportSize({ width, height: high });
		await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
	}
	await page.screenshot({ path });
	if (high !== height) await page.setViewportSize({ width, height });
}

export async function signIn(page, server, { name = 'admin', password = PASSWORD } = {}) {
	await page.goto(server.url);
	await page.locator('input[name=name]').fill(name);
	await page.locator('input[name=password]').fill(password);
	await page.locator('input[name=password]').press('Enter');
	await page.locator('#main').waitFor();
}

export class Tests {
	constructor(only) {
		this.list = [];
		this.only = only;
		this.passed = 0;
		this.failed = 0;
	}

	/** Whether any test whose name begins like one of these is to run. */
	wants(...beginnings) {
		return !this.only || beginnings.some((each) => each.startsWith(this.only.split(':')[0]));
	}

	async run(name, fn) {
		if (this.only && !name.includes(this.only)) return;
		const began = Date.now();
		try {
			await fn();
			this.passed++;
			console.log(`ok: ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
		} catch (error) {
			this.failed++;
			console.log(`FAILED: ${name}: ${error.stack ?? error}`);
			await told();
		}
	}
}

export function assert(holds, what) {
	if (!holds) throw new Error(what);
}
