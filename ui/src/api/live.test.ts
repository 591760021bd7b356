// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Live, type LiveSource } from './live';

interface Fake extends LiveSource {
	url: string;
	closed: boolean;
	beat: (data?: string) => void;
}
let sources: Fake[] = [];
const make = (url: string): LiveSource => {
	const source: Fake = {
		url,
		closed: false,
		onopen: null,
		onerror: null,
		onmessage: null,
		close: () => (source.closed = true),
		beat: () => undefined,
		addEventListener: (_type, fn) => (source.beat = (data = '{"every_ms":2000}') => fn({ data })),
	};
	sources.push(source);
	return source;
};
const last = () => {
	const source = sources.at(-1);
	if (!source) throw new Error('no stream was opened');
	return source;
};
const event = (id: string, kind = 'vm.created') => ({ lastEventId: id, data: JSON.stringify({ id, kind, resource: 'vm' }) });

beforeEach(() => {
	sources = [];
	vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

it('tells of events and of its state', () => {
	const live = new Live(make);
	const seen: string[] = [];
	live.listen((each) => seen.push(each.id ?? ''));
	live.start();
	live.start();
	expect(sources).toHaveLength(1);
	expect(live.state()).toBe('connecting');
	last().onopen?.();
	expect(live.state()).toBe('open');
	last().onmessage?.(event('7'));
	last().onmessage?.({ lastEventId: '8', data: 'not JSON' });
	expect(seen).toEqual(['7']);
});

it('goes on after the last event it saw, more and more slowly, and says when it stands again', () => {
	const live = new Live(make);
	const resumed = vi.fn();
	const changed = vi.fn();
	live.onResume(resumed);
	live.watch(changed);
	live.start();
	expect(last().url).toBe('/v1/events');
	last().onopen?.();
	expect(resumed).not.toHaveBeenCalled();
	last().onmessage?.(event('41'));
	last().onerror?.();
	expect(live.state()).toBe('broken');
	expect(sources[0]?.closed).toBe(true);
	vi.advanceTimersByTime(999);
	expect(sources).toHaveLength(1);
	vi.advanceTimersByTime(1);
	expect(last().url).toBe('/v1/events?after=41');
	last().onerror?.();
	vi.advanceTimersByTime(1999);
	expect(sources).toHaveLength(2);
	vi.advanceTimersByTime(1);
	expect(sources).toHaveLength(3);
	for (const pause of [4000, 8000, 15000, 15000]) {
		const count = sources.length;
		last().onerror?.();
		vi.advanceTimersByTime(pause - 1);
		expect(sources).toHaveLength(count);
		vi.advanceTimersByTime(1);
		expect(sources).toHaveLength(count + 1);
	}
	expect(live.state()).toBe('broken');
	last().onopen?.();
	expect(live.state()).toBe('open');
	expect(resumed).toHaveBeenCalledTimes(1);
	expect(changed).toHaveBeenCalledTimes(3);
});

it('ends, and begins anew for another person', () => {
	const live = new Live(make);
	live.start();
	last().onopen?.();
	last().onmessage?.(event('5'));
	last().onerror?.();
	live.stop();
	vi.advanceTimersByTime(60000);
	expect(sources).toHaveLength(1);
	live.start();
	expect(last().url).toBe('/v1/events');
});

it('takes a line for dead when three heartbeats did not come, and connects again', () => {
	const live = new Live(make);
	const silent = vi.fn();
	const resumed = vi.fn();
	live.onSilence(silent);
	live.onResume(resumed);
	live.start();
	last().onopen?.();
	last().beat();
	vi.advanceTimersByTime(5999);
	last().beat();
	vi.advanceTimersByTime(5999);
	expect(live.state()).toBe('open');
	last().onmessage?.(event('3')); // an event says as much as a heartbeat
	vi.advanceTimersByTime(5999);
	expect(live.state()).toBe('open');
	expect(silent).not.toHaveBeenCalled();
	vi.advanceTimersByTime(1);
	expect(live.state()).toBe('broken');
	expect(silent).toHaveBeenCalledTimes(1);
	expect(sources[0]?.closed).toBe(true);
	sources[0]?.beat(); // what was on its way is of nobody's line
	vi.advanceTimersByTime(1000);
	expect(last().url).toBe('/v1/events?after=3');
	last().onopen?.();
	expect(live.state()).toBe('open');
	expect(resumed).toHaveBeenCalledTimes(1);
});

it('does not wait for long for a stream that is not opened, nor for one whose pace it cannot read', () => {
	const live = new Live(make);
	live.start();
	for (let tries = 1; tries <= 4; tries++) {
		vi.advanceTimersByTime(7999);
		expect(sources).toHaveLength(tries);
		expect(sources[tries - 1]?.closed).toBe(false);
		vi.advanceTimersByTime(1);
		expect(sources[tries - 1]?.closed).toBe(true);
		expect(live.state()).toBe('broken');
		vi.advanceTimersByTime(1000);
	}
	expect(sources).toHaveLength(5);
	last().onopen?.();
	for (const data of ['', 'null', '{"every_ms":"soon"}', '{"every_ms":-1}']) {
		last().beat(data);
		vi.advanceTimersByTime(14999);
		expect(live.state()).toBe('open');
	}
	vi.advanceTimersByTime(1);
	expect(live.state()).toBe('broken');
	live.stop();
	vi.advanceTimersByTime(60000);
	expect(sources).toHaveLength(5);
});

it('says that something may have been missed, though the line stood all the while', () => {
	const live = new Live(make);
	const resumed = vi.fn();
	live.onResume(resumed);
	live.start();
	last().onopen?.();
	last().ongap?.();
	expect(live.state()).toBe('open');
	expect(resumed).toHaveBeenCalledTimes(1);
	live.stop();
});
