// SPDX-License-Identifier: GPL-3.0-or-later
// One stream of events for all windows of a browser. It gives a server six connections (HTTP/1.1), and a stream takes one for as
// long as it stands: six windows with one each would leave none for anything else. The window that holds a lock has the stream and
// tells the others what it hears; when it goes, the next in line takes over. Each still judges by itself whether the line is dead.
import type { LiveSource } from './live';

const LOCK = 'ingot-events-1';
/** Who is awake answers sooner. */
const ANSWER_MS = 3000;

type Word =
	| { kind: 'who' } // a window asks who has the stream
	| { kind: 'here' }
	| { kind: 'open' }
	| { kind: 'gap' } // something may have been missed
	| { kind: 'heartbeat'; data: string }
	| { kind: 'message'; data: string; lastEventId: string };

export interface Channel {
	postMessage(word: Word): void;
	close(): void;
	onmessage: ((message: { data: unknown }) => void) | null;
}
export interface Place {
	locks: Pick<LockManager, 'request'>;
	channel: () => Channel;
}

/** Opens streams that windows share. open: opens one for this window. */
export function shareLine(open: (url: string) => LiveSource, place: Place): (url: string) => LiveSource {
	// A browser may put a window to sleep that holds the lock: who did not answer loses it to the next try.
	let asleep = false;
	return (url) => {
		const began = Date.now();
		const channel = place.channel();
		const waiting = new AbortController();
		const beats = new Set<(message: { data: string }) => void>();
		let line: LiveSource | null = null;
		let stands = false;
		let closed = false;
		let heard = false;
		let letGo: () => void = () => undefined;

		const source: LiveSource = {
			onopen: null,
			onerror: null,
			onmessage: null,
			ongap: null,
			addEventListener: (_type, fn) => void beats.add(fn),
			close: () => {
				if (closed) return;
				closed = true;
				asleep = !line && !heard && Date.now() - began >= ANSWER_MS;
				line?.close();
				channel.close();
				waiting.abort();
				letGo();
			},
		};
		const take = (word: Word) => {
			if (word.kind === 'open') {
				stands = true;
				source.onopen?.();
			} else if (word.kind === 'gap') source.ongap?.();
			else if (word.kind === 'heartbeat') beats.forEach((fn) => fn(word));
			else if (word.kind === 'message') source.onmessage?.(word);
		};
		/** What the line says here, it says everywhere. */
		const tell = (word: Word) => {
			channel.postMessage(word);
			take(word);
		};
		const lead = () => {
			// What was said between the last holder's end and this beginning is not known.
			const gap = stands;
			line = open(gap ? '/v1/events' : url);
			stands = false;
			line.onopen = () => {
				tell({ kind: 'open' });
				if (gap) tell({ kind: 'gap' });
			};
			line.onerror = () => source.onerror?.();
			line.onmessage = ({ data, lastEventId }) => tell({ kind: 'message', data, lastEventId });
			line.addEventListener('heartbeat', ({ data }) => tell({ kind: 'heartbeat', data }));
			return new Promise<void>((resolve) => (letGo = resolve));
		};

		channel.onmessage = (message) => {
			const word = message.data as Word;
			if (closed) return;
			if (word.kind === 'who') {
				if (line) channel.postMessage({ kind: stands ? 'open' : 'here' });
				return;
			}
			heard = true;
			if (!line) take(word);
		};
		channel.postMessage({ kind: 'who' });
		const options: LockOptions = asleep ? { steal: true } : { signal: waiting.signal };
		asleep = false;
		place.locks.request(LOCK, options, () => (closed ? undefined : lead())).catch(() => {
			// Not by us: another window took this one to be asleep.
			if (!closed) source.onerror?.();
		});
		return source;
	};
}
