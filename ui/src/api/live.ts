// SPDX-License-Identifier: GPL-3.0-or-later
// What happens, as it happens: one stream of server-sent events, taken up again after the last one that was seen. Whoever
// looks is told whether the stream stands.
import type { Event } from './types';

export type LiveState = 'connecting' | 'open' | 'broken';
type Listener = (event: Event) => void;

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15000;

export interface LiveSource {
	close(): void;
	onopen: (() => void) | null;
	onerror: (() => void) | null;
	onmessage: ((message: { data: string; lastEventId: string }) => void) | null;
}

export class Live {
	private source: LiveSource | null = null;
	private lastId: string | null = null;
	private retryMs = FIRST_RETRY_MS;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private current: LiveState = 'connecting';
	private since = Date.now();
	private readonly listeners = new Set<Listener>();
	private readonly watchers = new Set<() => void>();
	private readonly resumers = new Set<() => void>();

	constructor(private readonly open: (url: string) => LiveSource) {}

	readonly state = (): LiveState => this.current;
	/** When the present state began. */
	readonly stateSince = (): number => this.since;

	readonly watch = (fn: () => void) => {
		this.watchers.add(fn);
		return () => void this.watchers.delete(fn);
	};
	readonly listen = (fn: Listener) => {
		this.listeners.add(fn);
		return () => void this.listeners.delete(fn);
	};
	/** Called when the stream stands again: what was missed may have changed anything. */
	readonly onResume = (fn: () => void) => {
		this.resumers.add(fn);
		return () => void this.resumers.delete(fn);
	};

	start(): void {
		if (!this.source && !this.timer) this.connect();
	}

	stop(): void {
		clearTimeout(this.timer);
		this.timer = undefined;
		this.source?.close();
		this.source = null;
		this.lastId = null;
		this.retryMs = FIRST_RETRY_MS;
		this.become('connecting');
	}

	private become(state: LiveState): void {
		if (this.current === state) return;
		this.current = state;
		this.since = Date.now();
		this.watchers.forEach((fn) => fn());
	}

	private connect(): void {
		const source = this.open(this.lastId === null ? '/v1/events' : `/v1/events?after=${encodeURIComponent(this.lastId)}`);
		this.source = source;
		source.onopen = () => {
			const again = this.current === 'broken';
			this.retryMs = FIRST_RETRY_MS;
			this.become('open');
			if (again) this.resumers.forEach((fn) => fn());
		};
		source.onmessage = (message) => {
			if (message.lastEventId) this.lastId = message.lastEventId;
			let event: Event;
			try {
				event = JSON.parse(message.data) as Event;
			} catch {
				return;
			}
			this.listeners.forEach((fn) => fn(event));
		};
		// The browser's own retry gives up for good at some errors: ours does not.
		source.onerror = () => {
			source.close();
			if (this.source !== source) return;
			this.source = null;
			this.become('broken');
			this.timer = setTimeout(() => {
				this.timer = undefined;
				this.connect();
			}, this.retryMs);
			this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
		};
	}
}

export const live = new Live((url) => new EventSource(url) as unknown as LiveSource);
