// SPDX-License-Identifier: GPL-3.0-or-later
// How full the pool was and will be, as drawn: read from the pixels, and from the table of the same figures.
import { Server, assert, open, settled, signIn } from './world.mjs';

const DAY_MS = 24 * 3600000;
const DAYS = 14;
/** In which the pool of the simulation fills up then. */
const DAYS_AHEAD = 20.7;
/** Those of the canvas that a line of a colour covers in full. */
const NEAR = 24;

/** For each column of the plot, how many of its pixels have the colour that a custom property names; and where the canvas ends. */
function columns(page, property) {
	return page.evaluate(
		([property, near]) => {
			const plot = document.querySelector('[data-chart] .ingot-plot');
			const canvas = plot.querySelector('canvas');
			const context = canvas.getContext('2d', { willReadFrequently: true });
			const text = getComputedStyle(plot).getPropertyValue(property).trim();
			const [, ...wanted] = /^#(..)(..)(..)$/.exec(text).map((part) => parseInt(part, 16));
			const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
			const over = plot.querySelector('.u-over').getBoundingClientRect();
			const frame = canvas.getBoundingClientRect();
			const [left, right] = [over.left - frame.left, over.right - frame.left].map((x) => Math.round((x * width) / frame.width));
			const counts = Array.from({ length: right - left }, (_unused, x) => {
				let count = 0;
				for (let y = 0; y < height; y++) {
					const at = (y * width + left + x) * 4;
					if (data[at + 3] > 200 && wanted.every((value, part) => Math.abs(value - data[at + part]) <= near)) count++;
				}
				return count;
			});
			return { counts, color: text, frame: [frame.left, frame.right], height };
		},
		[property, NEAR],
	);
}

const drawn = (counts) => counts.filter((count) => count > 0).length / counts.length;
/** How often a line begins in these columns. */
const dashes = (counts) => counts.filter((count, x) => count > 0 && !counts[x - 1]).length;

/** As the dashboard writes sizes, in English. */
const gib = (bytes) => {
	const value = bytes / 1024 ** 3;
	return `${new Intl.NumberFormat('en', { maximumFractionDigits: value >= 100 || Number.isInteger(value) ? 0 : 1 }).format(value)} GiB`;
};

export async function chartTests(tests, options) {
	if (!tests.wants('chart')) return;
	const server = await Server.start(options.server, options.ui, { machines: 3, nodes: 3, history: DAYS });
	const { page, context, wrong } = await open(server);
	const chart = () => page.locator('[data-chart=default]');
	const ready = async () => {
		await chart().locator('canvas').waitFor();
		await settled(page);
	};
	try {
		await server.poolActive();
		const { samples } = await server.until('/v1/pools/default/usage', (usage) => usage.samples.length > 300 && usage, 'two weeks of samples');
		const newest = samples.at(-1);
		await signIn(page, server);

		await tests.run('chart: the overview draws what was used, where it leads in dashes, and where it ends', async () => {
			await page.goto(server.url);
			await ready();
			const when = await page.locator('[data-forecast=full]').innerText();
			assert(when === 'At this rate it is full in 2 weeks.', when);
			const used = await columns(page, '--ingot-chart-used');
			const limit = await columns(page, '--ingot-chart-limit');
			// Two weeks were, three come: what was is a line, with one pause, and what comes is in pieces.
			const border = Math.round(used.counts.length * 0.38);
			const [before, after] = [used.counts.slice(0, border), used.counts.slice(Math.round(used.counts.length * 0.45), -8)];
			assert(drawn(before) > 0.8 && dashes(before) <= 8, `what was used: ${drawn(before)} in ${dashes(before)} pieces`);
			assert(drawn(after) > 0.3 && drawn(after) < 0.9 && dashes(after) > 8, `what comes: ${drawn(after)} in ${dashes(after)} pieces`);
			assert(drawn(limit.counts) > 0.85, `the limit covers ${drawn(limit.counts)}`);
			assert(used.color !== limit.color, 'both have one colour');
			await chart().getByText(`Full at ${gib(newest.total_bytes * 0.95)}`).waitFor();
			const label = await chart().getByRole('img').getAttribute('aria-label');
			assert(label.includes(gib(samples[0].used_bytes)) && label.includes(gib(newest.used_bytes)), label);
		});
		await tests.run('chart: the table says what the API says, day by day, and where it leads', async () => {
			await page.goto(`${server.url}/pools/default`);
			await ready();
			assert((await chart().getByRole('table').count()) === 0, 'the table is there before it is wanted');
			await chart().locator('summary').focus();
			await page.keyboard.press('Enter');
			await chart().locator('tbody tr').first().waitFor();
			const rows = await chart().locator('tbody tr').evaluateAll((all) => all.map((row) => ({ at: row.dataset.at, cells: Array.from(row.cells, (cell) => cell.innerText) })));
			const [ahead, ...were] = rows;
			assert(/\(if it goes on so\)$/.test(ahead.cells[0]) && ahead.cells[1] === ahead.cells[2] && Date.parse(ahead.at) > Date.now() + DAYS * DAY_MS, JSON.stringify(ahead));
			const days = new Map(samples.map((sample) => [new Date(sample.time).toLocaleDateString('en-GB', { timeZone: 'Europe/London' }), sample]));
			const expected = [...days.values()].reverse().map(({ time, used_bytes: bytes }) => `${new Date(time).toISOString()} ${gib(bytes)}`);
			assert(days.size >= DAYS, `samples of ${days.size} days`);
			assert(were.map(({ at, cells }) => `${at} ${cells[1]}`).join('\n') === expected.join('\n'), JSON.stringify(were));
		});
		await tests.run('chart: who points at it is told what was then, what may come, and when nobody knows', async () => {
			const plot = chart().locator('.u-over');
			const { width, height } = await plot.boundingBox();
			const said = async (share) => {
				await plot.hover({ position: { x: width * share, y: height / 2 } });
				await chart().locator('[data-pointed=true]').waitFor();
				return chart().locator('[data-pointed]').innerText();
			};
			const known = await said(0.2);
			assert(samples.some(({ used_bytes: bytes }) => known.endsWith(` · ${gib(bytes)}`)), known);
			assert(/if it goes on so · \d+(\.\d)? GiB$/.test(await said(0.8)), await said(0.8));
			// Half a day of five weeks, four days after they began.
			const pause = 106 / 24 / (DAYS + DAYS_AHEAD);
			assert((await said(pause)) === 'The pool did not answer then.', await said(pause));
			await page.mouse.move(0, 0);
			await chart().locator('[data-pointed=false]').waitFor();
			assert((await chart().locator('[data-pointed]').innerText()).endsWith(` · ${gib(newest.used_bytes)}`), 'it does not go back to the newest');
		});
		await tests.run('chart: it gets as narrow as its card, and takes the colours of the theme', async () => {
			const light = await columns(page, '--ingot-chart-used');
			await page.setViewportSize({ width: 320, height: 800 });
			await page.waitForFunction(() => document.querySelector('[data-chart] canvas').getBoundingClientRect().right <= innerWidth);
			await settled(page);
			const narrow = await columns(page, '--ingot-chart-used');
			assert(drawn(narrow.counts.slice(0, Math.round(narrow.counts.length * 0.38))) > 0.8, 'nothing is drawn at 320 px');
			assert((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 1, 'it is too wide at 320 px');
			await page.setViewportSize({ width: 1366, height: 900 });
			await page.waitForFunction((least) => document.querySelector('[data-chart] canvas').getBoundingClientRect().width > least, narrow.frame[1] - narrow.frame[0] + 50);
			await page.emulateMedia({ colorScheme: 'dark' });
			await page.waitForFunction(() => document.documentElement.classList.contains('pf-v6-theme-dark'));
			await settled(page);
			const dark = await columns(page, '--ingot-chart-used');
			assert(dark.color !== light.color, `both themes draw in ${dark.color}`);
			assert(drawn(dark.counts.slice(0, Math.round(dark.counts.length * 0.38))) > 0.8, 'it was not drawn anew');
			await page.emulateMedia({ colorScheme: 'light' });
		});
		await tests.run('chart: a file that does not come costs the chart, not the page', async () => {
			await page.route('**/assets/pool-chart-*.js', (route) => route.abort());
			await page.goto(`${server.url}/pools/default`);
			await page.locator('.ingot-fallen').waitFor();
			await page.getByText('At this rate it is full in 2 weeks.').waitFor();
			await page.unroute('**/assets/pool-chart-*.js');
			wrong.splice(0);
		});
		await tests.run('chart: nothing in the console', async () => {
			await page.goto(`${server.url}/pools/default`);
			await ready();
			assert(wrong.length === 0, wrong.join('\n'));
		});
	} finally {
		await context.close();
		await server.stop();
	}
}
