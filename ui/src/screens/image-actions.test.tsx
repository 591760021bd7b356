// SPDX-License-Identifier: GPL-3.0-or-later
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { startI18n } from '../i18n';
import { UploadDialog } from './image-actions';

beforeAll(startI18n);
afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

it('makes one image when the first answer was lost on its way: the second try has the same key', async () => {
	const keys: (string | undefined)[] = [];
	const close = vi.fn();
	vi.stubGlobal('fetch', (path: string, { method = 'GET', headers }: RequestInit = {}) => {
		if (path !== '/v1/images') return Promise.resolve(new Response(JSON.stringify({ offset_bytes: 0 }), { headers: method === 'PATCH' ? { 'Upload-Offset': '512' } : {} }));
		keys.push((headers as Record<string, string>)['Idempotency-Key']);
		return keys.length === 1 ? Promise.resolve(new Response('', { status: 504 })) : Promise.resolve(new Response(JSON.stringify({ id: 'i', name: 'guest', size_bytes: 512 }), { status: 201 }));
	});
	render(
		<QueryClientProvider client={new QueryClient()}>
			<UploadDialog image={null} onClose={close} />
		</QueryClientProvider>,
	);
	fireEvent.change(screen.getByRole('textbox', { name: /Name/ }), { target: { value: 'guest' } });
	const input = document.querySelector('input[type=file]') as HTMLInputElement;
	fireEvent.change(input, { target: { files: [new File([new Uint8Array(512)], 'guest.raw')] } });
	fireEvent.click(screen.getByRole('button', { name: 'Upload' }));
	fireEvent.click(await screen.findByRole('button', { name: 'Try again' }));
	await waitFor(() => expect(close).toHaveBeenCalled());
	expect(keys).toHaveLength(2);
	expect(keys[0]).toBe(keys[1]);
});
