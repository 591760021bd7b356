// SPDX-License-Identifier: GPL-3.0-or-later
// Windows of a browser share one cookie: what one does to it, the others live with.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { call } from '../api/client';
import { live } from '../api/live';
import { SessionProvider, useSession } from './session';

/** The cookie's session as the server has it; null: none. */
let now: { user: string; token: string } | null;
let sent: { method: string; path: string; token: string | undefined }[];
const session = () => ({ user: { id: now?.user, name: now?.user, role: 'admin' }, csrf_token: now?.token, expires_at: '2030-01-01T00:00:00Z' });
const says = (status: number, body: object) => Promise.resolve(new Response(JSON.stringify(body), { status }));

function server(path: string, { method = 'GET', headers }: RequestInit = {}): Promise<Response> {
	const token = (headers as Record<string, string>)['X-CSRF-Token'];
	if (method !== 'GET') sent.push({ method, path, token });
	if (path === '/v1/session' && method === 'POST') {
		now = { user: 'a', token: 'signed-in' };
		return says(201, session());
	}
	if (!now) return says(401, { code: 'unauthenticated', detail: 'who are you' });
	if (method !== 'GET' && token !== now.token) return says(403, { code: 'forbidden', field: 'X-CSRF-Token', detail: 'not of this session' });
	return says(200, path === '/v1/session' ? session() : { done: path });
}

beforeEach(() => {
	now = { user: 'a', token: 'first' };
	sent = [];
	vi.stubGlobal('fetch', vi.fn(server));
	vi.spyOn(live, 'start').mockReturnValue(undefined);
});
afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
	vi.restoreAllMocks();
});

async function open() {
	const client = new QueryClient();
	const wrapper = ({ children }: { children: ReactNode }) => (
		<QueryClientProvider client={client}>
			<SessionProvider>{children}</SessionProvider>
		</QueryClientProvider>
	);
	const { result } = renderHook(() => useSession(), { wrapper });
	await waitFor(() => expect(result.current.loading).toBe(false));
	return { client, result };
}

it('sends a change again with the token of the session that another window has begun for the same user', async () => {
	const { result } = await open();
	now = { user: 'a', token: 'second' };
	await act(async () => expect(await call('POST', '/v1/networks', { body: {} })).toEqual({ done: '/v1/networks' }));
	expect(sent.map((each) => each.token)).toEqual(['first', 'second']);
	now = { user: 'a', token: 'third' };
	await act(() => result.current.signOut());
	expect(result.current.session).toBeNull();
});

it('sends nothing again in the name of another user, shows that one, and forgets what the first has read', async () => {
	const { client, result } = await open();
	client.setQueryData(['users'], 'of a');
	now = { user: 'b', token: 'second' };
	await act(async () => expect(await call('POST', '/v1/networks', { body: {} }).catch((error: unknown) => error)).toMatchObject({ status: 403 }));
	expect(sent).toHaveLength(1);
	expect(result.current.session?.user.name).toBe('b');
	expect(client.getQueryData(['users'])).toBeUndefined();
});

it('sends none of several calls again in the name of another user, nor one that was under way when the other was heard of', async () => {
	const { result } = await open();
	now = { user: 'b', token: 'second' };
	const ask = () => call('POST', '/v1/networks', { body: {} }).catch((error: unknown) => error);
	await act(async () => expect(await Promise.all([ask(), ask(), ask()])).toMatchObject([{ status: 403 }, { status: 403 }, { status: 403 }]));
	expect(sent.map((each) => each.token)).toEqual(['first', 'first', 'first']);

	let refuse: (response: Response) => void = () => undefined;
	vi.mocked(fetch).mockImplementationOnce(() => new Promise((resolve) => (refuse = resolve)));
	const slow = ask(); // by b
	now = { user: 'c', token: 'third' };
	await act(async () => void (await ask()));
	await waitFor(() => expect(result.current.session?.user.name).toBe('c'));
	sent = [];
	refuse(await says(403, { code: 'forbidden', field: 'X-CSRF-Token', detail: 'not of this session' }));
	await act(async () => expect(await slow).toMatchObject({ status: 403 }));
	expect(sent).toHaveLength(0);
});

it('sends once more only once', async () => {
	await open();
	vi.mocked(fetch).mockImplementation(((path: string, init: RequestInit) =>
		path === '/v1/session' ? server(path, init) : says(403, { code: 'forbidden', field: 'X-CSRF-Token', detail: 'no' })) as typeof fetch);
	await act(async () => expect(await call('POST', '/v1/networks', { body: {} }).catch((error: unknown) => error)).toMatchObject({ status: 403 }));
	expect(vi.mocked(fetch).mock.calls.filter(([path]) => path === '/v1/networks')).toHaveLength(2);
});

it('goes on from the sign-in form when another window signed in, and ends when another signed out', async () => {
	now = null;
	const one = await open();
	const other = await open();
	expect(one.result.current.session).toBeNull();
	await act(() => other.result.current.signIn('a', 'x'));
	await waitFor(() => expect(one.result.current.session?.user.name).toBe('a'));
	await act(() => other.result.current.signOut());
	await waitFor(() => expect(one.result.current.session).toBeNull());
	expect(one.result.current.ended).toBe(false);
});

it('leaves a session that has ended already', async () => {
	const { result } = await open();
	now = null;
	await act(() => result.current.signOut());
	expect(result.current.session).toBeNull();
});
