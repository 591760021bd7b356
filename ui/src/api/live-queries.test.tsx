// SPDX-License-Identifier: GPL-3.0-or-later
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { act, cleanup, renderHook } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { live } from './live';
import { useLiveQueries } from './queries';
import type { Event } from './types';

afterEach(() => {
	cleanup();
	vi.useRealTimers();
	vi.restoreAllMocks();
});

it('lets a slow read come to its end however much happens, and reads once more after it', async () => {
	vi.useFakeTimers();
	let tell: (event: Event) => void = () => undefined;
	vi.spyOn(live, 'start').mockReturnValue(undefined);
	vi.spyOn(live, 'listen').mockImplementation((fn) => {
		tell = fn;
		return () => undefined;
	});
	let begun = 0;
	let calledOff = 0;
	const client = new QueryClient();
	const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
	const slow = ({ signal }: { signal: AbortSignal }) => {
		begun++;
		signal.addEventListener('abort', () => calledOff++);
		return new Promise((resolve) => setTimeout(() => resolve(begun), 3000));
	};
	const { result } = renderHook(() => (useLiveQueries(true), useQuery({ queryKey: ['machines', 'all'], queryFn: slow })), { wrapper });
	await act(() => vi.advanceTimersByTimeAsync(3010));
	expect(result.current.data).toBe(1);
	for (let storm = 0; storm < 25; storm++)
		await act(() => {
			tell({ resource: 'machine' } as Event);
			return vi.advanceTimersByTimeAsync(200);
		});
	expect(calledOff).toBe(0);
	expect(result.current.data).toBe(2);
	await act(() => vi.advanceTimersByTimeAsync(7000));
	expect(result.current.data).toBe(4);
	expect(begun).toBe(4);
});
