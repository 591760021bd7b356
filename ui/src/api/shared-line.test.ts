// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { LiveSource } from './live';
import { shareLine, type Channel } from './shared-line';

interface Line extends LiveSource {
	url: string;
	closed: boolean;
	beat: (message: { data: string }) => void;
}
let lines: Line[] = [];
const open = (url: string): LiveSource => {
	const line: Line = {
		url,
		closed: false,
		onopen: null,
		onerror: null,
		onmessage: null,
		close: () => (line.closed = true),
		beat: () => undefined,
		addEventListener: (_type, fn) => (line.beat = fn),
	};
	lines.push(line);
	return line;
};
const lineAt = (n: number) => {
	const line = lines[n];
	if (!line) throw new Error(`there is no line ${n}`);
	return line;
};

/** The locks of a browser (Web Locks API section 4), as far as they are used: one lock, a queue, stealing. */
class Locks {
	private holder: { reject: (error: Error) => void } | null = null;
	private queue: (() => void)[] = [];
	readonly request = ((_name: string, options: LockOptions, callback: () => Promise<void> | undefined) =>
		new Promise<void>((resolve, reject) => {
			const grant = () => {
				const me = { reject };
				this.holder = me;
				void Promise.resolve(callback()).then(() => {
					resolve();
					if (this.holder !== me) return;
					this.holder = null;
					this.queue.shift()?.();
				});
			};
			options.signal?.addEventListener('abort', () => {
				this.queue = this.queue.filter((each) => each !== grant);
				reject(new DOMException('aborted', 'AbortError'));
			});
			if (options.steal) {
				this.holder?.reject(new DOMException('stolen', 'AbortError'));
				grant();
			} else if (this.holder) this.queue.push(grant);
			else grant();
		})) as LockManager['request'];
}

let channels: (Channel & { asleep: boolean })[] = [];
let locks = new Locks();
/** A window of the browser: what it was told, and how it is put to sleep. */
function openWindow() {
	const mine: (typeof channels)[number][] = [];
	const connect = shareLine(open, {
		locks,
		channel: () => {
			const channel = {
				asleep: false,
				onmessage: null as Channel['onmessage'],
				postMessage: (word: unknown) => {
					for (const other of channels.filter((each) => each !== channel))
						queueMicrotask(() => !other.asleep && other.onmessage?.({ data: structuredClone(word) }));
				},
				close: () => void (channels = channels.filter((each) => each !== channel)),
			};
			channels.push(channel);
			mine.push(channel);
			return channel;
		},
	});
	const told: string[] = [];
	const join = (url = '/v1/events') => {
		const source = connect(url);
		source.onopen = () => told.push('open');
		source.onerror = () => told.push('error');
		source.onmessage = ({ data, lastEventId }) => told.push(`${lastEventId} ${data}`);
		source.ongap = () => told.push('gap');
		source.addEventListener('heartbeat', ({ data }) => told.push(`beat ${data}`));
		return source;
	};
	return { told, join, sleep: () => mine.forEach((each) => (each.asleep = true)) };
}
const settle = () => new Promise<void>((resolve) => setTimeout(resolve));

let now = 0;
afterEach(() => vi.restoreAllMocks());
beforeEach(() => {
	now = 0;
	vi.spyOn(Date, 'now').mockImplementation(() => now);
	lines = [];
	channels = [];
	locks = new Locks();
});

it('is one for all windows, and all of them hear it', async () => {
	const windows = Array.from({ length: 8 }, openWindow);
	windows.forEach((each) => each.join());
	await settle();
	expect(lines).toHaveLength(1);
	lineAt(0).onopen?.();
	lineAt(0).beat({ data: '1' });
	lineAt(0).onmessage?.({ data: 'x', lastEventId: '7' });
	await settle();
	for (const { told } of windows) expect(told).toEqual(['open', 'beat 1', '7 x']);
});

it('is told to stand to who comes later, and not before it stands', async () => {
	const [first, second, third] = [openWindow(), openWindow(), openWindow()];
	first.join();
	await settle();
	second.join();
	await settle();
	expect(second.told).toEqual([]);
	lineAt(0).onopen?.();
	await settle();
	expect(second.told).toEqual(['open']);
	third.join();
	await settle();
	expect(third.told).toEqual(['open']);
	expect(lines).toHaveLength(1);
});

it('is taken over when its window goes, which tells that something may have been missed', async () => {
	const [first, second, third] = [openWindow(), openWindow(), openWindow()];
	const held = first.join();
	second.join('/v1/events?after=3');
	third.join();
	await settle();
	lineAt(0).onopen?.();
	await settle();
	held.close();
	await settle();
	expect(lineAt(0).closed).toBe(true);
	expect(lines).toHaveLength(2);
	expect(lineAt(1).url).toBe('/v1/events');
	expect(second.told).toEqual(['open']);
	lineAt(1).onopen?.();
	expect(second.told).toEqual(['open', 'open', 'gap']);
	await settle();
	expect(third.told).toEqual(['open', 'open', 'gap']);
	lineAt(1).onmessage?.({ data: 'x', lastEventId: '9' });
	await settle();
	expect(third.told.at(-1)).toBe('9 x');
	expect(first.told).toEqual(['open']);
});

it('goes on where a window was, if no other has it', async () => {
	const only = openWindow();
	only.join('/v1/events?after=41');
	await settle();
	expect(lineAt(0).url).toBe('/v1/events?after=41');
	lineAt(0).onopen?.();
	lineAt(0).onerror?.();
	expect(only.told).toEqual(['open', 'error']);
});

it('is not opened by a window that has gone before its turn', async () => {
	const [first, second] = [openWindow(), openWindow()];
	const held = first.join();
	const queued = second.join();
	await settle();
	queued.close();
	queued.close();
	held.close();
	await settle();
	expect(lines).toHaveLength(1);
	expect(second.told).toEqual([]);
	expect(channels).toHaveLength(0);
});

it('is taken from a window that sleeps, and only from one', async () => {
	const [first, second, third] = [openWindow(), openWindow(), openWindow()];
	first.join();
	await settle();
	// It is awake, though its line does not stand: it keeps it.
	const patient = second.join();
	await settle();
	now += 8000;
	patient.close();
	const again = second.join();
	await settle();
	expect(lines).toHaveLength(1);
	again.close();
	first.sleep();
	third.join().close(); // too soon to know
	const tired = third.join();
	await settle();
	expect(lines).toHaveLength(1);
	now += 8000;
	tired.close();
	third.join();
	await settle();
	expect(lines).toHaveLength(2);
	expect(first.told).toEqual(['error']);
	lineAt(1).onopen?.();
	expect(third.told).toEqual(['open']);
});
