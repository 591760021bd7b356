// SPDX-License-Identifier: GPL-3.0-or-later
// What happens, as it happens: one stream of server-sent events, taken up again after the last one that was seen. Whoever
// looks is told whether the stream stands: a line that is dead without a word is known by the heartbeats that do not come.
import { shareLine, type Channel } from './shared-line';
import type { Event } from './types';

export type LiveState = 'connecting' | 'open' | 'broken';
type Listener = (event: Event) => void;

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15000;
/** The pace of heartbeats until the server has told its own, and how many are missed before the line is taken for dead. */
const BEAT_MS = 5000;
const BEATS_MISSED = 3;
/** What a stream may take to be opened. A browser keeps connections for later: those of a dead line are found out one by one. */
const OPEN_MS = 8000;

export interface LiveSource {
	close(): void;
	onopen: (() => void) | null;
	onerror: (() => void) | null;
	onmessage: ((message: { data: string; lastEventId: string }) => void) | null;
	/** The stream stands, but some of what it said was missed. */
	ongap?: (() => void) | null;
	addEventListener(type: 'heartbeat', fn: (message: { data: string }) => void): void;
}

/** What a heartbeat says of when the next one comes. */
function paceOf(data: string): number {
	try {
		const { every_ms: every } = JSON.parse(data) as { every_ms?: unknown };
		return typeof every === 'number' && every > 0 ? every : BEAT_MS;
	} catch {
		return BEAT_MS;
	}
}

export class Live {
	private source: LiveSource | null = null;
	private lastId: string | null = null;
	private retryMs = FIRST_RETRY_MS;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private silence: ReturnType<typeof setTimeout> | undefined;
	private beatMs = BEAT_MS;
	private current: LiveState = 'connecting';
	private since = Date.now();
	private readonly listeners = new Set<Listener>();
	private readonly watchers = new Set<() => void>();
	private readonly resumers = new Set<() => void>();
	private readonly silencers = new Set<() => void>();

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
	/** Called when the server is not heard any more: what else was asked of it over the same line waits in vain. */
	readonly onSilence = (fn: () => void) => {
		this.silencers.add(fn);
		return () => void this.silencers.delete(fn);
	};

	start(): void {
		if (!this.source && !this.timer) this.connect();
	}

	stop(): void {
		clearTimeout(this.timer);
		clearTimeout(this.silence);
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

	private lose(source: LiveSource): void {
		source.close();
		if (this.source !== source) return;
		clearTimeout(this.silence);
		this.source = null;
		this.become('broken');
		this.timer = setTimeout(() => {
			this.timer = undefined;
			this.connect();
		}, this.retryMs);
		this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
	}

	/** Something came, or is to come from now on. */
	private heard(source: LiveSource, untilMs = this.beatMs * BEATS_MISSED): void {
		if (this.source !== source) return;
		clearTimeout(this.silence);
		this.silence = setTimeout(() => {
			// Nobody was reached who would be spared by a longer pause.
			this.retryMs = FIRST_RETRY_MS;
			this.lose(source);
			this.silencers.forEach((fn) => fn());
		}, untilMs);
	}

	private connect(): void {
		const source = this.open(this.lastId === null ? '/v1/events' : `/v1/events?after=${encodeURIComponent(this.lastId)}`);
		this.source = source;
		this.beatMs = BEAT_MS;
		this.heard(source, OPEN_MS);
		source.onopen = () => {
			const again = this.current === 'broken';
			this.retryMs = FIRST_RETRY_MS;
			this.heard(source);
			this.become('open');
			if (again) this.resumers.forEach((fn) => fn());
		};
		source.addEventListener('heartbeat', ({ data }) => {
			this.beatMs = paceOf(data);
			this.heard(source);
		});
		source.onmessage = (message) => {
			this.heard(source);
			if (message.lastEventId) this.lastId = message.lastEventId;
			let event: Event;
			try {
				event = JSON.parse(message.data) as Event;
			} catch {
				return;
			}
			this.listeners.forEach((fn) => fn(event));
		};
		source.ongap = () => this.resumers.forEach((fn) => fn());
		// The browser's own retry gives up for good at some errors: ours does not.
		source.onerror = () => this.lose(source);
	}
}

const ownLine = (url: string) => new EventSource(url) as unknown as LiveSource;
/** A browser that cannot share has a stream for each window. */
const canShare = typeof navigator !== 'undefined' && 'locks' in navigator && typeof BroadcastChannel !== 'undefined';
export const live = new Live(
	canShare ? shareLine(ownLine, { locks: navigator.locks, channel: () => new BroadcastChannel('ingot-events-1') as unknown as Channel }) : ownLine,
);
