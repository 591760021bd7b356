// SPDX-License-Identifier: GPL-3.0-or-later
// A table of parts: it reads the wholes a page at a time, and does not run through those that have no parts by itself.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { MemoryRouter, useLocation } from 'react-router-dom';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startI18n } from '../i18n';
import { ResourceTable, type Parts } from './resource-table';

interface Whole {
	id: string;
	pieces: string[];
}
const TOTAL = 6;
const LIMIT = 2;
const parts: Parts<{ id: string }, Whole> = {
	rowsOf: (wholes) => wholes.flatMap((whole) => whole.pieces.map((id) => ({ id }))),
	limit: LIMIT,
	count: (rows, read, total) => `${rows} of ${read}/${total}`,
	readOn: 'Read on',
};

beforeAll(startI18n);
beforeEach(() => {
	// jsdom lays nothing out: there is nothing to be told of.
	vi.stubGlobal('ResizeObserver', class {
		observe() {}
		disconnect() {}
		unobserve() {}
	});
});
afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
	vi.restoreAllMocks();
});

/** Pages of two wholes each, with so many pieces in each whole. */
function show(pieces: number[]): string[] {
	const asked: string[] = [];
	vi.stubGlobal('fetch', async (url: string) => {
		asked.push(url);
		const query = new URL(url, 'https://x').searchParams;
		const from = Number(query.get('cursor') ?? 0);
		const limit = Number(query.get('limit'));
		const items = Array.from({ length: Math.min(limit, TOTAL - from) }, (_, n) => ({
			id: `w${from + n}`,
			pieces: Array.from({ length: pieces[from + n] ?? 0 }, (_unused, k) => `w${from + n}-${k}`),
		}));
		return new Response(JSON.stringify({ items, next: from + limit < TOTAL ? String(from + limit) : null, total: TOTAL }), { status: 200 });
	});
	render(
		<QueryClientProvider client={new QueryClient()}>
			<MemoryRouter>
				<ResourceTable<{ id: string }, Whole>
					label="Parts"
					path="/v1/wholes"
					collection="wholes"
					columns={[{ field: 'id', label: 'Name', cell: (row) => row.id }]}
					rowName={(row) => row.id}
					empty="none"
					parts={parts}
				/>
			</MemoryRouter>
		</QueryClientProvider>,
	);
	return asked;
}

it('reads a page after the other while one is at the end of the rows', async () => {
	const asked = show([1, 1, 2, 0, 1, 0]);
	await screen.findByText('5 of 6/6');
	expect(asked).toHaveLength(TOTAL / LIMIT);
	expect(asked.every((url) => url.includes(`limit=${LIMIT}`))).toBe(true);
	expect(screen.queryByText('Read on')).toBeNull();
});

it('stops at a page without rows, says how far it came, and reads on when it is asked to', async () => {
	const asked = show([1, 1, 0, 0, 0, 3]);
	await screen.findByText('2 of 4/6');
	const more = await screen.findByText('Read on');
	expect(asked).toHaveLength(2);
	fireEvent.click(more);
	await screen.findByText('5 of 6/6');
	expect(asked).toHaveLength(3);
	await waitFor(() => expect(screen.queryByText('Read on')).toBeNull());
});

it('offers to sort where rows are cards, by what the server can sort by, and keeps it in the address', async () => {
	vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(320);
	const asked: (string | null)[] = [];
	vi.stubGlobal('fetch', async (url: string) => {
		asked.push(new URL(url, 'https://x').searchParams.get('sort'));
		return new Response(JSON.stringify({ items: [{ id: 'a' }], next: null, total: 1 }), { status: 200 });
	});
	const Address = () => <output>{useLocation().search}</output>;
	render(
		<QueryClientProvider client={new QueryClient()}>
			<MemoryRouter>
				<Address />
				<ResourceTable<{ id: string }>
					label="Things"
					path="/v1/things"
					collection="things"
					columns={[
						{ field: 'name', label: 'Name', sort: true, cell: (row) => row.id },
						{ field: 'address', label: 'Address', cell: () => '-' },
					]}
					defaultSort="name"
					rowName={(row) => row.id}
					empty="none"
				/>
			</MemoryRouter>
		</QueryClientProvider>,
	);
	const choice = await screen.findByRole('combobox', { name: 'Sort by' });
	expect(Array.from(choice.querySelectorAll('option'), (option) => option.textContent)).toEqual(['Name, ascending', 'Name, descending']);
	expect((choice as HTMLSelectElement).value).toBe('name');
	fireEvent.change(choice, { target: { value: '-name' } });
	await waitFor(() => expect(asked).toEqual(['name', '-name']));
	expect(screen.getByRole('status').textContent).toBe('?sort=-name');
	expect((choice as HTMLSelectElement).value).toBe('-name');
});
