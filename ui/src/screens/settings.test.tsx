// SPDX-License-Identifier: GPL-3.0-or-later
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, waitFor } from '@testing-library/react';
import { MemoryRouter } from 'react-router-dom';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { live } from '../api/live';
import { startI18n } from '../i18n';
import { SessionProvider } from '../ui/session';
import Settings from './settings';

beforeAll(startI18n);
afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
	vi.restoreAllMocks();
});

it('tells when the session ends as the server has it now', async () => {
	let ends = '2030-01-01T00:00:00Z';
	vi.spyOn(live, 'start').mockReturnValue(undefined);
	vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ user: { id: 'a', name: 'a', role: 'admin' }, csrf_token: 't', expires_at: ends }))));
	const client = new QueryClient();
	const { container } = render(
		<QueryClientProvider client={client}>
			<SessionProvider>
				<MemoryRouter>
					<Settings />
				</MemoryRouter>
			</SessionProvider>
		</QueryClientProvider>,
	);
	const shown = () => container.querySelector('time')?.getAttribute('datetime');
	await waitFor(() => expect(shown()).toBe(ends));
	ends = '2031-01-01T00:00:00Z';
	await act(() => client.invalidateQueries());
	await waitFor(() => expect(shown()).toBe(ends));
});
