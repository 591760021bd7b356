// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { runBulk, type BulkResult } from './bulk';

const items = Array.from({ length: 25 }, (_, n) => ({ id: `m${n}`, name: `machine-${n}` }));

it('asks of each once, a few at a time, and tells what came of each', async () => {
	let now = 0;
	let most = 0;
	const asked: string[] = [];
	const results: BulkResult[] = [];
	await runBulk(
		items,
		async (id) => {
			asked.push(id);
			most = Math.max(most, ++now);
			await new Promise((resolve) => setTimeout(resolve, 1));
			now--;
			if (id === 'm3') throw new Problem(409, 'state', 'it is being deployed');
		},
		(result) => results.push(result),
	);
	expect(asked).toHaveLength(25);
	expect(new Set(asked).size).toBe(25);
	expect(most).toBe(4);
	expect(results.filter((result) => result.done)).toHaveLength(24);
	expect(results.find((result) => !result.done)).toEqual({ id: 'm3', name: 'machine-3', done: false, detail: 'it is being deployed' });
});

it('stops after those under way', async () => {
	const asked: string[] = [];
	await runBulk(items, async (id) => void asked.push(id), () => undefined, () => asked.length >= 4);
	expect(asked).toHaveLength(4);
});
