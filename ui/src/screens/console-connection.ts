// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a console's connection: a ticket, the WebSocket that it opens, and another ticket after it broke. What is shown of a
// console is live only while this says "open": a provisioner that does not answer ends it as well, though the browser
// would notice nothing for minutes.
import { useCallback, useEffect, useRef, useState } from 'react';
import { call, send } from '../api/client';
import { asProblem } from '../api/problem';
import type { ConsoleTicket } from '../api/types';

export type ConsoleKind = 'serial' | 'vnc';
export type ConsoleState = 'connecting' | 'open' | 'closed';
/** Why it is closed: it came to its end; it broke, and is connected again; the provisioner does not answer; it was refused. */
export type ConsoleEnd = 'ended' | 'lost' | 'silent' | 'refused';

const RETRY_MS = [1000, 2000, 5000, 10000];
const LOOK_MS = 4000;
const ANSWER_MS = 4000;
// RFC 6455 section 7.4.1.
const NORMAL = 1000;

export const retryAfter = (tries: number): number => RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] ?? 10000;
/** Whether another ticket may be had later: there was no answer, or one that says so. */
export const worthAnotherTry = (status: number): boolean => status === 0 || status === 429 || status >= 500;

export interface ConsoleLife {
	url: string | null;
	state: ConsoleState;
	end: ConsoleEnd | null;
	reason: string;
	error: unknown;
	connect: () => void;
	opened: () => void;
	closed: (code: number, reason: string) => void;
}

/** life: changes whenever there is a new machine to look at; empty while there is none. drop: lets go of the connection. */
export function useConsoleLife(collection: 'vms' | 'machines', id: string, kind: ConsoleKind, life: string, drop: () => void): ConsoleLife {
	const [url, setUrl] = useState<string | null>(null);
	const [state, setState] = useState<ConsoleState>('connecting');
	const [end, setEnd] = useState<ConsoleEnd | null>(null);
	const [reason, setReason] = useState('');
	const [error, setError] = useState<unknown>(null);
	const tries = useRef(0);
	const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
	const asked = useRef(0); // so that the answer to an earlier question is known

	const begin = useCallback(() => {
		clearTimeout(timer.current);
		const mine = ++asked.current;
		setState('connecting');
		setError(null);
		call<ConsoleTicket>('POST', `/v1/${collection}/${encodeURIComponent(id)}/console-ticket`, { body: { kind } }).then(
			(ticket) => {
				if (mine !== asked.current) return;
				const address = new URL(ticket.url, location.href);
				address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
				setUrl(address.href);
			},
			(thrown: unknown) => {
				if (mine !== asked.current) return;
				const problem = asProblem(thrown);
				const again = worthAnotherTry(problem.status);
				setError(problem);
				setState('closed');
				setEnd((before) => (again ? (before ?? 'lost') : 'refused'));
				if (again) timer.current = setTimeout(begin, retryAfter(tries.current++));
			},
		);
	}, [collection, id, kind]);

	const closed = useCallback(
		(code: number, why: string) => {
			setState('closed');
			setReason(why);
			setEnd(code === NORMAL ? 'ended' : 'lost');
			if (code !== NORMAL) timer.current = setTimeout(begin, retryAfter(tries.current++));
		},
		[begin],
	);
	const opened = useCallback(() => {
		tries.current = 0;
		setEnd(null);
		setReason('');
		setState('open');
	}, []);
	const connect = useCallback(() => {
		tries.current = 0;
		begin();
	}, [begin]);

	useEffect(() => {
		begin();
		const question = asked;
		return () => {
			question.current++;
			clearTimeout(timer.current);
		};
	}, [begin]);

	// Another machine is there to look at, or the same one that was started again.
	const known = useRef(life);
	useEffect(() => {
		if (known.current === life) return;
		known.current = life;
		if (life && state === 'closed') connect();
	}, [life, state, connect]);

	// A connection that is dead without a word looks like a guest that has nothing to say.
	const letGo = useRef(drop);
	letGo.current = drop;
	useEffect(() => {
		if (state !== 'open') return undefined;
		let over = false;
		let next: ReturnType<typeof setTimeout>;
		const look = () => {
			const given = new AbortController();
			const limit = setTimeout(() => given.abort(), ANSWER_MS);
			send('GET', '/v1/session', { signal: given.signal })
				.then(
					() => true,
					(thrown: unknown) => asProblem(thrown).status !== 0,
				)
				.then((answers) => {
					clearTimeout(limit);
					if (over) return;
					if (answers) {
						next = setTimeout(look, LOOK_MS);
						return;
					}
					letGo.current();
					setState('closed');
					setEnd('silent');
					timer.current = setTimeout(begin, retryAfter(tries.current++));
				});
		};
		next = setTimeout(look, LOOK_MS);
		return () => {
			over = true;
			clearTimeout(next);
		};
	}, [state, begin]);

	return { url, state, end, reason, error, connect, opened, closed };
}
