// SPDX-License-Identifier: GPL-3.0-or-later
// Many windows of one browser, which has six connections to a server (HTTP/1.1): they share one stream of events.
import { Server, assert, open, signIn } from './world.mjs';

const WINDOWS = 8;
const POLL_MS = 20000;

export async function windowTests(tests, options) {
	if (!tests.wants('windows')) return;
	const server = await Server.start(options.server, options.ui, { machines: 3 });
	const { page, context, wrong } = await open(server);
	const stands = (each) => each.locator('[data-live=open]').waitFor();
	const windows = [page];
	try {
		const streams = new Map();
		const isStream = (request) => request.headers().accept?.includes('text/event-stream');
		context.on('request', (request) => isStream(request) && streams.set(request, request.frame().page()));
		for (const end of ['requestfailed', 'requestfinished']) context.on(end, (request) => streams.delete(request));
		const holder = () => {
			const holders = [...streams.values()].filter((each) => !each.isClosed());
			assert(holders.length === 1, `the windows have ${holders.length} streams`);
			return holders[0];
		};
		// Pages do not ask again by themselves here: what they show, they have been told.
		await context.addInitScript((poll) => {
			const repeat = window.setInterval.bind(window);
			window.setInterval = (fn, ms, ...rest) => (ms >= poll ? 0 : repeat(fn, ms, ...rest));
		}, POLL_MS);
		await signIn(page, server);
		await stands(page);

		await tests.run('windows: eight at once share one stream, and none is locked out', async () => {
			while (windows.length < WINDOWS) {
				const another = await context.newPage();
				windows.push(another);
				await another.goto(`${server.url}/machines`);
				await another.getByRole('heading', { name: 'Machines' }).waitFor();
				await stands(another);
			}
			assert(holder() === page, 'the stream is not the first window\'s');
		});
		await tests.run('windows: all of them hear what happens', async () => {
			const machines = await server.until('/v1/machines?state=new', (list) => list.items.length === 3 && list.items, 'three machines');
			await server.must('POST', `/v1/machines/${machines[0].id}/accept`, { name: 'alpha' });
			await Promise.all(windows.slice(1).map((each) => each.getByRole('link', { name: 'alpha' }).waitFor()));
		});
		await tests.run('windows: when the one with the stream is closed, another has it', async () => {
			// All of them stand already: what is awaited is the new stream.
			const taken = context.waitForEvent('request', { predicate: isStream, timeout: POLL_MS * 3 });
			await windows.shift().close();
			await (await taken).response();
			await Promise.all(windows.map(stands));
			const machines = (await server.must('GET', '/v1/machines?state=new')).items;
			await server.must('POST', `/v1/machines/${machines[0].id}/accept`, { name: 'beta' });
			await Promise.all(windows.map((each) => each.getByRole('link', { name: 'beta' }).waitFor()));
			assert(windows.includes(holder()), 'nobody has the stream');
			assert(wrong.length === 0, wrong.join('\n'));
		});
	} finally {
		await server.stop();
	}
}
