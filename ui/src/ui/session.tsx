// SPDX-License-Identifier: GPL-3.0-or-later
// Who is signed in. The cookie is the browser's; what is kept here is what the server said of the session.
import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { call, get, onPasswordOld, onSignedOut, setCsrfToken } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import { useLiveQueries } from '../api/queries';
import type { Role, Session } from '../api/types';

type State = { session: Session | null; loading: boolean; ended: boolean; problem: Problem | null };
interface Context extends State {
	signIn(name: string, password: string): Promise<void>;
	signOut(): Promise<void>;
	renew(session: Session): void;
	again(): void;
}

const SessionContext = createContext<Context | null>(null);
const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export function SessionProvider({ children }: { children: ReactNode }) {
	const client = useQueryClient();
	const [state, setState] = useState<State>({ session: null, loading: true, ended: false, problem: null });
	const become = useCallback((session: Session | null, ended = false) => {
		setCsrfToken(session?.csrf_token ?? null);
		setState({ session, loading: false, ended, problem: null });
	}, []);
	const read = useCallback(() => {
		get<Session>('/v1/session').then(
			(session) => become(session),
			(error: unknown) => {
				const problem = asProblem(error);
				if (problem.status === 401) become(null);
				else setState({ session: null, loading: false, ended: false, problem });
			},
		);
	}, [become]);

	useEffect(() => {
		read();
		onSignedOut(() => {
			become(null, true);
			client.clear();
		});
		onPasswordOld(read);
	}, [become, client, read]);

	useLiveQueries(Boolean(state.session) && !state.session?.user.password_change_required);

	const value = useMemo<Context>(
		() => ({
			...state,
			signIn: async (name, password) => become(await call<Session>('POST', '/v1/session', { body: { name, password } })),
			signOut: async () => {
				await call('DELETE', '/v1/session');
				become(null);
				client.clear();
			},
			renew: (session) => become(session),
			again: () => {
				setState({ session: null, loading: true, ended: false, problem: null });
				read();
			},
		}),
		[state, become, client, read],
	);
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
