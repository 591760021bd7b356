// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown is what the server said: reads are cached by React Query, events say what to read again, changes show once the
// server has answered.
import { QueryClient, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { call, get, newKey, type Query } from './client';
import { eventTail, newestFirst, type EventPage, type EventPages, type EventQuery } from './event-tail';
import { live } from './live';
import { asProblem, Problem, type Code } from './problem';
import { collectionOf, type Collection, type Page, type Resources, type Task, type Volume } from './types';

export const PAGE = 200;
const EVENTS = 100;
const GATHER_MS = 400;
const LOOK_AGAIN_MS = 500;
/** How often is read what no event tells. */
const READ_MS = 20000;

/** Whether it may have been done all the same: nobody answered, or who did was not the one who does it. */
const isOpen = (problem: Problem) => [0, 502, 503, 504].includes(problem.status);

export const queryClient = new QueryClient({
	defaultOptions: {
		queries: {
			// Events tell of changes; this is for what no event tells, such as progress and readings.
			staleTime: 5000,
			refetchInterval: READ_MS,
			retry: (count, error) => count < 2 && isOpen(asProblem(error)),
			throwOnError: false,
		},
	},
});

declare module '@tanstack/react-query' {
	interface Register {
		defaultError: Problem;
	}
}

/** Events name a resource: what was read of it is read again, all that changed within a moment at once. */
export function useLiveQueries(signedIn: boolean): void {
	const client = useQueryClient();
	useEffect(() => {
		if (!signedIn) return undefined;
		const changed = new Set<string>();
		let timer: ReturnType<typeof setTimeout> | undefined;
		// Reading again calls off what is being read: however much happens, a read that has begun is let come to its end.
		const reading = new Set<string>();
		let ended = false;
		const gather = () => {
			if (!ended) timer ??= setTimeout(flush, GATHER_MS);
		};
		const flush = () => {
			timer = undefined;
			eventTail.flush(client);
			for (const key of [...changed].filter((each) => !reading.has(each))) {
				changed.delete(key);
				reading.add(key);
				void client.invalidateQueries({ queryKey: [key] }).finally(() => {
					reading.delete(key);
					if (changed.has(key)) gather();
				});
			}
		};
		const endListen = live.listen((event) => {
			eventTail.add(event);
			const collection = event.resource ? collectionOf[event.resource] : undefined;
			if (collection) changed.add(collection);
			// Most changes have a task, and most move something on the nodes and the pool.
			changed.add('tasks');
			if (collection === 'machines' || collection === 'vms' || collection === 'volumes') changed.add('nodes').add('pools');
			gather();
		});
		const endResume = live.onResume(() => {
			eventTail.begin(client);
			void client.invalidateQueries();
		});
		// What was read before it stood, and happened before it stood, it does not tell.
		let stood = live.state();
		const endWatch = live.watch(() => {
			if (stood === 'connecting' && live.state() === 'open') eventTail.begin(client);
			stood = live.state();
		});
		// A browser has few connections to one place: those that wait in vain must not keep out the ones that would get through.
		const endSilence = live.onSilence(() => void client.cancelQueries());
		live.start();
		return () => {
			ended = true;
			clearTimeout(timer);
			endListen();
			endResume();
			endSilence();
			endWatch();
			live.stop();
			eventTail.clear();
		};
	}, [client, signedIn]);
}

/** A list of which all is wanted: as many calls as it takes. */
export async function readAll<K extends Collection>(collection: K, query: Query = {}, signal?: AbortSignal): Promise<Resources[K][]> {
	const items: Resources[K][] = [];
	let cursor: string | null = null;
	do {
		const page: Page<Resources[K]> = await get(`/v1/${collection}`, { ...query, limit: 1000, cursor }, signal);
		items.push(...page.items);
		cursor = page.next;
	} while (cursor);
	return items;
}

export const useAll = <K extends Collection>(collection: K, query: Query = {}, refetchInterval?: number) =>
	useQuery({
		queryKey: [collection, 'all', query],
		queryFn: ({ signal }) => readAll(collection, query, signal),
		...(refetchInterval ? { refetchInterval } : {}),
	});

/** The first ones of a list that may be long, and how many there are in all. */
export const useFirst = <K extends Collection>(collection: K, limit: number, query: Query = {}, refetchInterval?: number) =>
	useQuery({
		queryKey: [collection, 'first', limit, query],
		queryFn: ({ signal }) => get<Page<Resources[K]>>(`/v1/${collection}`, { ...query, limit }, signal),
		...(refetchInterval ? { refetchInterval } : {}),
	});

/** Of the tasks that run so many are shown anywhere: how many there are says the list. */
export const RUNNING_SHOWN = 20;
const RUNNING_READ_MS = 5000;
export const useRunning = () => useFirst('tasks', RUNNING_SHOWN, { state: 'running', sort: '-created' }, RUNNING_READ_MS);

/** Until a volume that is being made is there: cloning an image takes the storage a moment, and what needs the volume is refused
 *  until then. Rejects with a Problem when its making failed, and with the signal's reason. */
export async function untilMade(id: string, signal: AbortSignal): Promise<void> {
	for (;;) {
		const volume = await get<Volume>(`/v1/volumes/${encodeURIComponent(id)}`, undefined, signal);
		if (volume.state === 'failed') throw new Problem(409, (volume.error?.code ?? 'internal') as Code, `${volume.name}: ${volume.error?.text ?? volume.state}`);
		// One that is called off is deleted, and then there is none.
		if (volume.state !== 'creating' && volume.state !== 'deleting') return;
		await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
		signal.throwIfAborted();
	}
}

/** How many there are of something, without reading them. */
export const useCount = (collection: Collection, query: Query = {}, refetchInterval?: number) =>
	useQuery({
		queryKey: [collection, 'count', query],
		queryFn: async ({ signal }) => (await get<Page<unknown>>(`/v1/${collection}`, { ...query, limit: 1 }, signal)).total ?? 0,
		...(refetchInterval ? { refetchInterval } : {}),
	});

export const useOne = <K extends Collection>(collection: K, id: string | null | undefined, refetchInterval?: number) =>
	useQuery({
		queryKey: [collection, 'one', id],
		queryFn: ({ signal }) => get<Resources[K]>(`/v1/${collection}/${encodeURIComponent(id ?? '')}`, undefined, signal),
		enabled: Boolean(id),
		...(refetchInterval ? { refetchInterval } : {}),
	});

export function usePages<T>(path: string, key: string, query: Query, refetchInterval?: number, limit = PAGE) {
	return useInfiniteQuery({
		queryKey: [key, 'pages', query, limit],
		queryFn: ({ pageParam, signal }) => get<Page<T>>(path, { ...query, limit, cursor: pageParam }, signal),
		initialPageParam: null as string | null,
		getNextPageParam: (last: Page<T>) => last.next,
		placeholderData: (previous) => previous,
		...(refetchInterval ? { refetchInterval } : {}),
	});
}

/** A page of events. The newest one has all that happened before it was asked for, or the stream tells of it: unless that began meanwhile. */
async function readEvents(query: EventQuery, before: string | null, signal: AbortSignal): Promise<EventPage> {
	for (;;) {
		const beginnings = eventTail.beginnings();
		const page = await get<EventPage>('/v1/events', { ...query, limit: EVENTS, before }, signal);
		if (before !== null || beginnings === eventTail.beginnings()) return page;
	}
}

/** Events, the newest first, as far back as was asked for: a page comes oldest first, and says where older ones go on. While the stream
 *  stands what happens is put before them, and nothing is read again. */
export function useEvents(query: EventQuery = {}) {
	const tail = useSyncExternalStore(eventTail.watch, eventTail.events);
	const stands = useSyncExternalStore(live.watch, live.state) === 'open';
	const { resource, resource_id, kind } = query;
	const select = useCallback((data: EventPages) => newestFirst(data, tail, { resource, resource_id, kind }), [tail, resource, resource_id, kind]);
	return useInfiniteQuery({
		queryKey: ['events', 'pages', query],
		queryFn: ({ pageParam, signal }) => readEvents(query, pageParam, signal),
		initialPageParam: null as string | null,
		getNextPageParam: (last) => last.previous,
		select,
		staleTime: stands ? Infinity : 5000,
		refetchInterval: ({ state }) => (stands && state.status !== 'error' && !state.isInvalidated ? false : READ_MS),
	});
}

export interface Change {
	method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	path: string;
	body?: unknown;
	/** Of what was shown: who changed it meanwhile is not overwritten. */
	revision?: number;
	/** Collections that are read again. */
	touches: string[];
	/** Called when the server has said yes, before anything is read again: the page of what was deleted is gone after that, and with
	 *  it whoever waited for the end of the change. */
	accepted?: () => void;
}

/** What a form shows of a resource, with its revision: as it was when the form was opened, and as it is now while nothing differs of
 *  what the form shows. Machines and nodes change by themselves, which is no conflict. */
export function useShown<T extends object>(resource: T, fields: (keyof T)[]): T {
	const shown = useRef(resource);
	if (fields.every((field) => shown.current[field] === resource[field])) shown.current = resource;
	return shown.current;
}

/** Asks for a change. A creation is asked for once, however often the button is pressed for the same body: as long as it is not known
 *  whether it was done it keeps its key, by which the server knows it again. What was refused is asked anew. */
export function useChange<T = Task | Record<string, unknown>>() {
	const client = useQueryClient();
	const open = useRef<{ what: string; key: string } | null>(null);
	return useMutation<T, Problem, Change>({
		mutationFn: async ({ method, path, body, revision, accepted }) => {
			const what = JSON.stringify([method, path, body]);
			if (open.current?.what !== what) open.current = { what, key: newKey() };
			const headers = {
				...(method === 'POST' ? { 'Idempotency-Key': open.current.key } : {}),
				...(revision === undefined ? {} : { 'If-Match': `"${revision}"` }),
			};
			try {
				const answer = await call<T>(method, path, { body, headers });
				open.current = null;
				accepted?.();
				return answer;
			} catch (error) {
				if (!isOpen(asProblem(error))) open.current = null;
				throw error;
			}
		},
		onSettled: (_data, _error, change) =>
			Promise.all([...change.touches, 'tasks'].map((collection) => client.invalidateQueries({ queryKey: [collection] }))),
	});
}
