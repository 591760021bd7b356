// SPDX-License-Identifier: GPL-3.0-or-later
// Events come before the pages that were read, each once and in order, and nothing is read again for them; what the stream missed is.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { eventTail, type EventQuery } from './event-tail';
import { live } from './live';
import { useEvents, useLiveQueries } from './queries';
import type { Event } from './types';

/** What the stream of the test is told by. */
interface Line {
	onopen: (() => void) | null;
	onerror: (() => void) | null;
	onmessage: ((message: { data: string; lastEventId: string }) => void) | null;
}
let lines: Line[] = [];
/** All that happened, by the server. */
let log: Event[] = [];
let asked: string[] = [];
/** Holds an answer back, once: it is of what had happened when it was asked for. */
let hold: Promise<void> | null = null;

const make = (id: number, resource = 'vm') => ({ id: String(id), kind: 'x', resource, resource_id: `${resource}-1`, resource_name: 'n', text: `t${id}` }) as Event;
const happen = (id: number, resource?: string) => {
	const event = make(id, resource);
	log.push(event);
	return event;
};
const line = () => {
	const last = lines.at(-1);
	if (!last) throw new Error('no stream');
	return last;
};
const tell = (event: Event) => line().onmessage?.({ data: JSON.stringify(event), lastEventId: event.id ?? '' });

beforeEach(() => {
	lines = [];
	log = [];
	asked = [];
	hold = null;
	vi.stubGlobal('EventSource', class {
		onopen = null;
		onerror = null;
		onmessage = null;
		constructor() {
			lines.push(this);
		}
		addEventListener() {}
		close() {}
	});
	vi.stubGlobal('fetch', async (address: string) => {
		asked.push(address);
		const query = new URL(address, 'https://x').searchParams;
		const before = Number(query.get('before') ?? Infinity);
		const fit = log.filter((event) => Number(event.id) < before && (!query.get('resource') || event.resource === query.get('resource')));
		const items = fit.slice(-Number(query.get('limit')));
		const answer = JSON.stringify({ items, next: null, previous: fit.length > items.length ? items[0]?.id : null });
		const held = hold;
		hold = null;
		await held;
		return new Response(answer);
	});
});
afterEach(() => {
	cleanup();
	live.stop();
	vi.unstubAllGlobals();
	vi.useRealTimers();
});

function show(query: EventQuery = {}) {
	const client = new QueryClient();
	const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
	const { result } = renderHook(
		() => {
			useLiveQueries(true);
			return useEvents(query);
		},
		{ wrapper },
	);
	return { result, client, ids: () => (result.current.data ?? []).map((event) => Number(event.id)) };
}
const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, n) => from - n);

it('puts what happens before what was read, and reads nothing for it', async () => {
	for (let id = 1; id <= 150; id++) happen(id);
	const { result, ids } = show();
	act(() => line().onopen?.());
	await waitFor(() => expect(ids()).toEqual(down(150, 51)));
	await act(async () => void (await result.current.fetchNextPage()));
	await waitFor(() => expect(ids()).toEqual(down(150, 1)));
	asked = [];
	act(() => [151, 152, 152, 153].forEach((id) => tell(make(id))));
	await waitFor(() => expect(ids()).toEqual(down(153, 1)));
	expect(asked).toEqual([]);
});

it('keeps those of another kind out of what was asked for', async () => {
	happen(1, 'pool');
	const { ids } = show({ resource: 'pool' });
	act(() => line().onopen?.());
	await waitFor(() => expect(ids()).toEqual([1]));
	act(() => {
		tell(make(2, 'vm'));
		tell(make(3, 'pool'));
	});
	await waitFor(() => expect(ids()).toEqual([3, 1]));
});

it('reads anew what was asked for before the stream stood', async () => {
	happen(1);
	let release: () => void = () => undefined;
	hold = new Promise((resolve) => (release = resolve));
	const { ids } = show();
	await waitFor(() => expect(asked).toHaveLength(1));
	happen(2); // neither in the page that is under way, nor told by a stream that does not stand
	act(() => line().onopen?.());
	act(() => tell(happen(3)));
	act(() => release());
	await waitFor(() => expect(ids()).toEqual([3, 2, 1]));
	expect(asked.length).toBeGreaterThan(1);
});

it('reads again what a broken stream may have missed', async () => {
	happen(1);
	const { ids } = show();
	act(() => line().onopen?.());
	await waitFor(() => expect(ids()).toEqual([1]));
	act(() => tell(happen(2)));
	await waitFor(() => expect(ids()).toEqual([2, 1]));
	vi.useFakeTimers({ shouldAdvanceTime: true });
	act(() => line().onerror?.());
	happen(3);
	act(() => void vi.advanceTimersByTime(1000));
	act(() => line().onopen?.());
	await waitFor(() => expect(ids()).toEqual([3, 2, 1]));
});

it('shows what the server has after an older state came back, with numbers that begin again', async () => {
	[5, 6, 7].forEach((id) => happen(id));
	const { ids } = show();
	act(() => line().onopen?.());
	act(() => tell(happen(8)));
	await waitFor(() => expect(ids()).toEqual([8, 7, 6, 5]));
	vi.useFakeTimers({ shouldAdvanceTime: true });
	act(() => line().onerror?.());
	log = [make(5), { ...make(6), text: 'restored' }];
	act(() => void vi.advanceTimersByTime(1000));
	act(() => line().onopen?.());
	await waitFor(() => expect(ids()).toEqual([6, 5]));
	act(() => tell(happen(7)));
	await waitFor(() => expect(ids()).toEqual([7, 6, 5]));
});

it('puts many into the pages, without one less or more, and keeps no more than it can show', async () => {
	happen(1);
	const { result, ids } = show();
	act(() => line().onopen?.());
	await waitFor(() => expect(ids()).toEqual([1]));
	asked = [];
	for (let upTo = 500; upTo <= 2500; upTo += 500) {
		act(() => down(upTo, Math.max(2, upTo - 499)).reverse().forEach((id) => tell(happen(id))));
		await waitFor(() => expect(ids()[0]).toBe(upTo));
		expect(eventTail.events()).toHaveLength(0);
	}
	const shown = ids();
	expect(shown).toEqual(down(2500, 2500 - shown.length + 1));
	expect(shown.length).toBeLessThanOrEqual(2000);
	expect(asked).toEqual([]);
	await act(async () => void (await result.current.fetchNextPage()));
	await waitFor(() => expect(ids()).toEqual(down(2500, 2500 - shown.length + 1 - 100)));
});
