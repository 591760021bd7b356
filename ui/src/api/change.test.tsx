// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked for once is made once, also when the answer is lost and the button is pressed again.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, renderHook } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { useChange, useShown } from './queries';

const fetched = vi.fn<typeof fetch>();
beforeEach(() => {
	fetched.mockReset();
	vi.stubGlobal('fetch', fetched);
});
afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const keys = () => fetched.mock.calls.map(([, init]) => (init?.headers as Record<string, string>)['Idempotency-Key']);
const answers = (status: number, code = 'internal') => fetched.mockResolvedValueOnce(new Response(JSON.stringify({ id: 'x', code, detail: 'why' }), { status }));

/** A press of the button for such a body; whether it was done. */
function presser() {
	const client = new QueryClient();
	const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
	const { result } = renderHook(() => useChange(), { wrapper });
	return async (name: string, method: 'POST' | 'DELETE' = 'POST') => {
		let done = false;
		await act(async () => {
			done = await result.current.mutateAsync({ method, path: '/v1/networks', body: { name }, touches: [] }).then(() => true, () => false);
		});
		return done;
	};
}

it('keeps its key for the same body while nobody knows whether it was done', async () => {
	const press = presser();
	answers(502);
	answers(504);
	answers(201);
	expect([await press('dmz'), await press('dmz'), await press('dmz')]).toEqual([false, false, true]);
	const [first, second, third] = keys();
	expect(first).toMatch(/^[0-9a-f-]{36}$/);
	expect([second, third]).toEqual([first, first]);
});

it('takes a new key for another body, after a refusal, and for the same once more', async () => {
	const press = presser();
	answers(504);
	answers(409, 'exists');
	answers(201);
	answers(201);
	for (const name of ['a', 'b', 'b', 'b']) await press(name);
	expect(new Set(keys()).size).toBe(4);
});

it('sends no key with what is the same however often it is asked', async () => {
	const press = presser();
	answers(200);
	await press('dmz', 'DELETE');
	expect(keys()).toEqual([undefined]);
});

it('sends what has a key again by itself when no answer came, with that key; nothing else', async () => {
	const press = presser();
	fetched.mockRejectedValueOnce(new TypeError('Failed to fetch'));
	answers(202);
	expect(await press('dmz')).toBe(true);
	expect(keys()).toHaveLength(2);
	expect(new Set(keys()).size).toBe(1);
	fetched.mockRejectedValueOnce(new TypeError('Failed to fetch'));
	expect(await press('dmz', 'DELETE')).toBe(false);
	expect(keys()).toHaveLength(3);
});

it('sends the revision that was shown with what changes something', async () => {
	const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={new QueryClient()}>{children}</QueryClientProvider>;
	const { result } = renderHook(() => useChange(), { wrapper });
	answers(200);
	await act(() => result.current.mutateAsync({ method: 'PATCH', path: '/v1/users/1', body: {}, revision: 7, touches: [] }));
	expect((fetched.mock.calls[0]?.[1]?.headers as Record<string, string>)['If-Match']).toBe('"7"');
});

it('follows what changes beside the fields of a form, and keeps the revision that was shown when one of them changes', () => {
	const { result, rerender } = renderHook(({ machine }) => useShown(machine, ['zone']), { initialProps: { machine: { zone: 'a', revision: 1 } } });
	rerender({ machine: { zone: 'a', revision: 2 } });
	expect(result.current.revision).toBe(2);
	rerender({ machine: { zone: 'b', revision: 3 } });
	expect(result.current).toEqual({ zone: 'a', revision: 2 });
});
