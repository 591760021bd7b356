// SPDX-License-Identifier: GPL-3.0-or-later
// What the stream has told since the pages of events were read. It is shown before them, so that nothing is read again because
// something happened: numbers of events only grow, and what a page has already is left out of the tail by its number.
import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { Event, Page } from './types';

export type EventPage = Page<Event> & { previous: string | null };
export type EventPages = InfiniteData<EventPage, string | null>;
/** What a list of events was asked for: events whose fields are these. */
export type EventQuery = Partial<Pick<Event, 'resource' | 'resource_id' | 'kind'>>;

/** From so many on they are put into the pages; from so many on that could not be put there, the pages are read again. */
const FOLD = 200;
const TAIL_MAX = 2000;
/** A first page that has grown longer than twice this is cut to it: what is older is read on when it is asked for. */
const KEPT = 1000;

const KEY = ['events', 'pages'];
const number = (event: Event | undefined) => Number(event?.id ?? 0);

const fits = (event: Event, query: EventQuery) =>
	Object.entries(query).every(([field, value]) => !value || event[field as keyof EventQuery] === value);

/** Those of the tail that the pages do not have, the oldest first. */
const missing = (data: EventPages, tail: readonly Event[], query: EventQuery) => {
	const newest = number(data.pages[0]?.items.at(-1));
	return tail.filter((event) => number(event) > newest && fits(event, query));
};

/** All events, the newest first: a page comes the oldest first. */
export const newestFirst = (data: EventPages, tail: readonly Event[], query: EventQuery): Event[] => [
	...missing(data, tail, query).reverse(),
	...data.pages.flatMap((page) => [...page.items].reverse()),
];

/** The pages with the tail in the first of them. */
export function withTail(data: EventPages, tail: readonly Event[], query: EventQuery): EventPages {
	const [first, ...older] = data.pages;
	if (!first) return data;
	const items = [...first.items, ...missing(data, tail, query)];
	if (items.length <= 2 * KEPT) return { ...data, pages: [{ ...first, items }, ...older] };
	const kept = items.slice(-KEPT);
	return { pages: [{ ...first, items: kept, previous: kept[0]?.id ?? null }], pageParams: data.pageParams.slice(0, 1) };
}

export class EventTail {
	private told: readonly Event[] = [];
	private waiting: Event[] = [];
	private begun = 0;
	private readonly watchers = new Set<() => void>();

	/** The oldest first. */
	readonly events = () => this.told;
	readonly watch = (fn: () => void) => {
		this.watchers.add(fn);
		return () => void this.watchers.delete(fn);
	};
	/** How often the stream began, or missed something: what was being read meanwhile may lack what it did not tell. */
	readonly beginnings = () => this.begun;

	private become(told: readonly Event[]): void {
		this.told = told;
		this.watchers.forEach((fn) => fn());
	}

	add(event: Event): void {
		if (number(event) > number(this.waiting.at(-1) ?? this.told.at(-1))) this.waiting.push(event);
	}

	/** Shows what was added. Called now and then, so that many events at once are drawn once. */
	flush(client: QueryClient): void {
		if (this.waiting.length === 0) return;
		this.become([...this.told, ...this.waiting]);
		this.waiting = [];
		if (this.told.length < FOLD) return;
		const shown = client.getQueryCache().findAll({ queryKey: KEY, type: 'active' });
		// What is under way was asked for before, and would take the place of what is put in now.
		if (shown.every(({ state }) => state.data && state.fetchStatus === 'idle' && !state.isInvalidated)) this.fold(client);
		else if (this.told.length > TAIL_MAX) this.begin(client);
	}

	/** What is shown keeps what was told; what is not, is read when it is shown. */
	private fold(client: QueryClient): void {
		client.removeQueries({ queryKey: KEY, type: 'inactive' });
		for (const { queryKey } of client.getQueryCache().findAll({ queryKey: KEY }))
			client.setQueryData<EventPages>(queryKey, (data) => data && withTail(data, this.told, queryKey[2] as EventQuery));
		this.become([]);
	}

	/** The stream begins, or has missed something: what was told stays shown until all of it was read again. */
	begin(client: QueryClient): void {
		this.begun++;
		this.told = [...this.told, ...this.waiting];
		this.waiting = [];
		this.fold(client);
		void client.invalidateQueries({ queryKey: KEY });
	}

	/** Somebody else may sign in. */
	clear(): void {
		this.waiting = [];
		this.become([]);
	}
}
export const eventTail = new EventTail();
