// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Problem } from './problem';
import { untilMade } from './queries';

const fetched = vi.fn<typeof fetch>();
beforeEach(() => {
	vi.useFakeTimers();
	fetched.mockReset();
	vi.stubGlobal('fetch', fetched);
});
afterEach(() => {
	vi.unstubAllGlobals();
	vi.useRealTimers();
});
const says = (volume: object) => fetched.mockResolvedValueOnce(new Response(JSON.stringify({ id: 'v1', name: 'web', ...volume })));

it('waits for a volume that is being cloned', async () => {
	says({ state: 'creating' });
	says({ state: 'creating' });
	says({ state: 'available' });
	let there = false;
	const made = untilMade('v1', new AbortController().signal).then(() => (there = true));
	await vi.advanceTimersByTimeAsync(900);
	expect(there).toBe(false);
	await vi.advanceTimersByTimeAsync(200);
	await made;
	expect(fetched.mock.calls.map((each) => each[0])).toEqual(['/v1/volumes/v1', '/v1/volumes/v1', '/v1/volumes/v1']);
});

it('says why a volume could not be made', async () => {
	says({ state: 'failed', error: { code: 'capacity', text: 'the pool is full', field: null } });
	const error: unknown = await untilMade('v1', new AbortController().signal).catch((reason: unknown) => reason);
	expect(error).toBeInstanceOf(Problem);
	expect(error).toMatchObject({ code: 'capacity', detail: 'web: the pool is full' });
});

it('asks no more once the page is left', async () => {
	const page = new AbortController();
	says({ state: 'creating' });
	const ended = untilMade('v1', page.signal).catch((reason: unknown) => reason);
	await vi.advanceTimersByTimeAsync(100);
	page.abort();
	await vi.advanceTimersByTimeAsync(5000);
	expect(await ended).toMatchObject({ name: 'AbortError' });
	expect(fetched).toHaveBeenCalledTimes(1);
});
