// SPDX-License-Identifier: GPL-3.0-or-later
// The page of machines in a browser: how long until new rows are drawn, and the longest task of its main thread meanwhile. Prints JSON:
// for each thing that a person does {"rows_ms": [...], "longest_ms": N}, and what the bare request takes, {"request_ms": [...]}.
//     node dashboard.mjs --server PROGRAM --ui FOLDER --machines N --runs N
import { Server, assert, open, settled, signIn } from '../ui/world.mjs';

const options = {};
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
const MACHINES = Number(options.machines);
const RUNS = Number(options.runs);
/** Rows that the table asks for at once. */
const PAGE = 200;
const STEPS = 240;
const READY_MS = 600000;

/** What is called within the page. */
function instrument() {
	const tasks = [];
	const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
	observer.observe({ type: 'longtask' });
	const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
	const box = () => document.querySelector('.ingot-scroll');
	const rows = () => Array.from(document.querySelectorAll('tr[data-id]'));
	const type = (text) => {
		const input = document.querySelector('.ingot-toolbar input[type=text], .ingot-toolbar input[type=search]');
		Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, text);
		input.dispatchEvent(new Event('input', { bubbles: true }));
	};
	/** Until a frame in which done() holds was drawn. Tasks shorter than 50 ms are not told by a browser. */
	const measure = async (act, done) => {
		const began = performance.now();
		act();
		while (!done()) {
			if (performance.now() - began > 60000) throw new Error('the rows do not come');
			await frame();
		}
		await frame();
		const rowsMs = performance.now() - began;
		// What was long is told a little later.
		for (let i = 0; i < 10; i++) await frame();
		tasks.push(...observer.takeRecords());
		const longest = Math.max(0, ...tasks.filter((task) => task.startTime + task.duration >= began).map((task) => task.duration));
		return { rowsMs, longest };
	};
	window.bench = {
		measure,
		filter: (text, count) => measure(() => type(text), () => document.querySelector('.ingot-count').innerText.includes(`${count} in all`) && rows().length > 0),
		sort: (first) => measure(() => document.querySelector('thead th[aria-sort] button').click(), () => rows()[0]?.innerText.trimStart().startsWith(first)),
		next: () => {
			const index = Number(rows().at(-1).dataset.index);
			const wanted = (Math.floor(index / 200) + 1) * 200;
			return measure(() => (box().scrollTop = wanted * 44), () => rows().some((row) => Number(row.dataset.index) >= wanted));
		},
		scroll: async (steps) => {
			let step = 0;
			box().scrollTop = 0;
			await frame();
			return measure(() => undefined, () => {
				box().scrollTop += 120;
				return ++step >= steps;
			});
		},
		choose: (count) => {
			document.querySelector('thead input[type=checkbox]').click();
			const all = () => Array.from(document.querySelectorAll('.ingot-selection button')).find((button) => button.innerText.includes(`all ${count}`));
			let asked = false;
			return measure(() => undefined, () => {
				const button = all();
				if (!asked && button) {
					asked = true;
					button.click();
				}
				return document.querySelector('.ingot-selection')?.innerText.includes(`${count} selected`) && rows().every((row) => row.querySelector('input').checked);
			});
		},
		request: async (url) => {
			const began = performance.now();
			await (await fetch(url, { cache: 'no-store' })).json();
			return performance.now() - began;
		},
	};
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const server = await Server.start(options.server, options.ui, { machines: MACHINES });
const result = {};
try {
	await server.until('/v1/machines?limit=1', (list) => list.total === MACHINES, `${MACHINES} machines`, READY_MS);
	const { page, wrong } = await open(server);
	await page.addInitScript(instrument);
	await signIn(page, server);
	const note = (what, { rowsMs, longest }) => {
		const kept = (result[what] ??= { rows_ms: [], longest_ms: 0 });
		kept.rows_ms.push(rowsMs);
		kept.longest_ms = Math.max(kept.longest_ms, longest);
	};
	const go = async () => {
		await page.goto(`${server.url}/machines`);
		await page.getByText(`${MACHINES} in all`).waitFor();
		await page.locator('tr[data-id]').first().waitFor();
		await settled(page);
	};
	// What a person filters by: one in a hundred of many, some of few.
	const text = MACHINES > PAGE ? 'machine-99' : 'machine-1';
	const { total: matching } = await server.must('GET', `/v1/machines?q=${text}&limit=1`);
	const [last] = (await server.must('GET', '/v1/machines?sort=-name&limit=1')).items;
	const [first] = (await server.must('GET', '/v1/machines?sort=name&limit=1')).items;
	for (let run = 0; run < RUNS; run++) {
		await go();
		note('filter', await page.evaluate(([wanted, count]) => window.bench.filter(wanted, count), [text, matching]));
		note('clear', await page.evaluate((count) => window.bench.filter('', count), MACHINES));
		note('sort', await page.evaluate((name) => window.bench.sort(name), last.name));
		note('sort', await page.evaluate((name) => window.bench.sort(name), first.name));
		if (MACHINES > PAGE) {
			await settled(page);
			note('select', await page.evaluate((count) => window.bench.choose(count), MACHINES));
			await go();
			// Four pages further: each is asked for when its rows are near.
			for (let further = 0; further < 4; further++) note('next', await page.evaluate(() => window.bench.next()));
			note('scroll', await page.evaluate((steps) => window.bench.scroll(steps), STEPS));
		}
		for (const [what, query] of [['all', `limit=${PAGE}&sort=name`], ['filtered', `q=${text}&limit=${PAGE}&sort=name`]])
			(result[`request ${what}`] ??= { request_ms: [] }).request_ms.push(await page.evaluate((url) => window.bench.request(url), `/v1/machines?${query}`));
	}
	assert(wrong.length === 0, wrong.join('\n'));
} finally {
	await server.stop();
}
for (const each of Object.values(result)) {
	if (each.rows_ms) each.rows_ms = median(each.rows_ms);
	if (each.request_ms) each.request_ms = median(each.request_ms);
}
console.log(JSON.stringify(result));
process.exit(0);
