// SPDX-License-Identifier: GPL-3.0-or-later
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { StrictMode } from 'react';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { startI18n } from '../i18n';
import { BulkDialog, runBulk, type BulkItem, type BulkResult } from './bulk';

const items = Array.from({ length: 25 }, (_, n) => ({ id: `m${n}`, name: `machine-${n}` }));

beforeAll(startI18n);
afterEach(cleanup);

it('asks of each once, a few at a time, and tells what came of each', async () => {
	let now = 0;
	let most = 0;
	const asked: BulkItem[] = [];
	const results: BulkResult[] = [];
	const refusal = new Problem(409, 'state', 'it is being deployed');
	await runBulk(
		items,
		async (item) => {
			asked.push(item);
			most = Math.max(most, ++now);
			await Promise.resolve();
			now--;
			if (item.id === 'm3') throw refusal;
		},
		(result) => results.push(result),
	);
	expect(asked).toEqual(items);
	expect(most).toBe(4);
	expect(results.filter((result) => !result.problem)).toHaveLength(24);
	expect(results.find((result) => result.problem)).toEqual({ item: items[3], problem: refusal });
});

it('stops after those under way', async () => {
	const asked: BulkItem[] = [];
	await runBulk(items, async (item) => void asked.push(item), () => undefined, () => asked.length >= 4);
	expect(asked).toHaveLength(4);
});

/** Calls that end when the test says so. */
function held() {
	const ends = new Map<string, (error?: Problem) => void>();
	const ask = vi.fn((item: BulkItem) => new Promise<void>((resolve, reject) => ends.set(item.id, (error) => (error ? reject(error) : resolve()))));
	return { ask, end: (id: string, error?: Problem) => act(async () => ends.get(id)?.(error)) };
}
const show = (ask: (item: BulkItem) => Promise<unknown>, onClose: () => void, some = items.slice(0, 6)) =>
	render(
		<StrictMode>
			<BulkDialog title="Accept" items={some} act={ask} collection="machines" onClose={onClose} />
		</StrictMode>,
	);
const escape = () => fireEvent.keyDown(document.body, { key: 'Escape' });

it('stays while it runs, whatever Escape says, and closes by it when it is over', async () => {
	const { ask, end } = held();
	const onClose = vi.fn();
	show(ask, onClose);
	expect(ask).toHaveBeenCalledTimes(4);
	escape();
	expect(onClose).not.toHaveBeenCalled();
	for (const { id } of items.slice(0, 6)) await end(id);
	expect(screen.getByText(/Done: 6 · failed: 0 · of 6/)).toBeTruthy();
	escape();
	expect(onClose).toHaveBeenCalledTimes(1);
});

it('says of a refusal what, where and what to do, and how many were not asked after it was stopped', async () => {
	const { ask, end } = held();
	show(ask, () => undefined);
	fireEvent.click(screen.getByRole('button', { name: 'Stop after those under way' }));
	await end('m0', new Problem(400, 'invalid', 'disk: there is no such disk', 'disk'));
	for (const id of ['m1', 'm2', 'm3']) await end(id);
	expect(ask).toHaveBeenCalledTimes(4);
	expect(screen.getByText(/Stopped; not asked: 2/)).toBeTruthy();
	const line = document.querySelector('[data-result=m0]')?.textContent ?? '';
	for (const part of ['machine-0', 'The request is invalid', 'there is no such disk', 'Field: disk', 'Correct it']) expect(line).toContain(part);
});

it('asks no more when the page is left', async () => {
	const { ask, end } = held();
	const { unmount } = show(ask, () => undefined);
	unmount();
	for (const id of ['m0', 'm1', 'm2', 'm3']) await end(id);
	expect(ask).toHaveBeenCalledTimes(4);
});
