// SPDX-License-Identifier: GPL-3.0-or-later
// Who is signed in. The cookie is the browser's; what is kept here is what the server said of the session.
import { onlineManager, useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { call, get, onPasswordOld, onSignedOut, onTokenOld, setCsrfToken } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import { useLiveQueries } from '../api/queries';
import type { Role, Session } from '../api/types';

/** ended: the server knows the session no longer; it is the last one then, whose page waits for its user to sign in again. */
type State = { session: Session | null; loading: boolean; ended: boolean; problem: Problem | null };
interface Context extends State {
	signIn(name: string, password: string): Promise<void>;
	signOut(): Promise<void>;
	renew(session: Session): void;
	again(): void;
}

const SessionContext = createContext<Context | null>(null);
/** What windows of a browser say to each other: somebody signed in, or has another session; somebody signed out. */
type Word = 'in' | 'out';
const WINDOWS = 'ingot-session-1';
const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export function SessionProvider({ children }: { children: ReactNode }) {
	const client = useQueryClient();
	const [state, setState] = useState<State>({ session: null, loading: true, ended: false, problem: null });
	const user = useRef<string | null>(null);
	const others = useRef<BroadcastChannel | null>(null);
	const become = useCallback(
		(session: Session | null) => {
			setCsrfToken(session?.csrf_token ?? null, session?.user.id ?? null);
			// What one user has read is not for another.
			if (user.current !== null && user.current !== session?.user.id) client.clear();
			else void client.invalidateQueries();
			user.current = session?.user.id ?? null;
			setState({ session, loading: false, ended: false, problem: null });
		},
		[client],
	);
	const end = useCallback(() => setState((state) => ({ ...state, loading: false, ended: state.session !== null })), []);
	/** Tells whether there is one. */
	const read = useCallback(async (): Promise<boolean> => {
		try {
			become(await get<Session>('/v1/session'));
			return true;
		} catch (error) {
			const problem = asProblem(error);
			if (problem.status === 401) end();
			// Who is signed in stays so while nobody answers.
			else if (user.current === null) setState({ session: null, loading: false, ended: false, problem });
			return false;
		}
	}, [become, end]);

	useEffect(() => {
		void read();
		onSignedOut(end);
		onPasswordOld(() => void read());
		onTokenOld(read);
		// The cookie is of all windows of a browser: each is told when another has changed it.
		const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(WINDOWS);
		others.current = channel;
		if (channel)
			channel.onmessage = (message: MessageEvent<Word>) => {
				if (message.data === 'out') become(null);
				else void read();
			};
		return () => channel?.close();
	}, [become, end, read]);

	// Nothing is asked for a page that waits: it would be refused.
	const { ended } = state;
	useEffect(() => {
		onlineManager.setOnline(!ended);
		return () => onlineManager.setOnline(true);
	}, [ended]);
	useLiveQueries(Boolean(state.session) && !ended && !state.session?.user.password_change_required);

	const value = useMemo<Context>(() => {
		const tell = (word: Word) => others.current?.postMessage(word);
		return {
			...state,
			signIn: async (name, password) => {
				become(await call<Session>('POST', '/v1/session', { body: { name, password } }));
				tell('in');
			},
			signOut: async () => {
				await call('DELETE', '/v1/session').catch((error: unknown) => {
					// A session that has ended already is left by saying so.
					if (asProblem(error).status !== 401) throw error;
				});
				become(null);
				tell('out');
			},
			renew: (session) => {
				become(session);
				tell('in');
			},
			again: () => {
				setState({ session: null, loading: true, ended: false, problem: null });
				void read();
			},
		};
	}, [state, become, read]);
	return <SessionContext.Provider value={value}>{children}</SessionContext.Provider>;
}

export function useSession(): Context {
	const context = useContext(SessionContext);
	if (!context) throw new Error('there is no SessionProvider');
	return context;
}

/** Whether the person may do what takes this role. */
export function useMay(role: Role): boolean {
	const { session } = useSession();
	return Boolean(session) && RANK[session?.user.role ?? 'viewer'] >= RANK[role];
}
