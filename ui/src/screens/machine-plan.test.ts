// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Machine, Vm } from '../api/types';
import { planOf, readPlan, sendPlanned } from './machine-plan';

const GIB = 2 ** 30;
const machine = (id: string, over: Partial<Machine> = {}) =>
	({
		id,
		name: `machine-${id}`,
		state: 'ready',
		power: 'on',
		bmc_address: '10.0.0.9',
		node: null,
		inventory: { disks: [{ serial: `${id}-data`, size_bytes: 64 * GIB }, { serial: `${id}-boot`, size_bytes: 12 * GIB }] },
		...over,
	}) as Machine;
const vm = (name: string, node: string | null, state: Vm['state']) => ({ id: name, name, node, state }) as Vm;
const ids = (list: { id: string }[]) => list.map((item) => item.id);

describe('planOf', () => {
	it('names the disk that a deploy writes and those that become storage, and leaves out what it cannot name one of', () => {
		const busy = machine('c', { inventory: { disks: [{ serial: 'only', size_bytes: 64 * GIB, in_use: true }] } as Machine['inventory'] });
		const plan = planOf('deploy', [machine('a'), machine('b', { state: 'deployed' }), busy, machine('d', { state: 'failed' })], []);
		expect(ids(plan.items)).toEqual(['a', 'd']);
		expect(plan.items[0]?.disk?.serial).toBe('a-boot');
		expect(plan.items[0]?.others.map((disk) => disk.serial)).toEqual(['a-data']);
		expect(plan.left).toEqual(['machine-b', 'machine-c']);
	});
	it('says what runs on those that lose their power', () => {
		const vms = [vm('web', 'n1', 'running'), vm('old', 'n1', 'stopped'), vm('lost', 'n1', 'unknown'), vm('db', 'n2', 'running')];
		const plan = planOf('off', [machine('a', { node: 'n1' }), machine('b'), machine('c', { power: 'off' }), machine('d', { bmc_address: null })], vms);
		expect(plan.items.map((item) => [item.id, item.isNode, item.runs])).toEqual([
			['a', true, ['web', 'lost']],
			['b', false, []],
		]);
		expect(plan.left).toEqual(['machine-c', 'machine-d']);
	});
	it('is in the order of names, as a person counts', () => {
		const plan = planOf('accept', ['10', '9', '2'].map((id) => machine(id, { state: 'new' })), []);
		expect(ids(plan.items)).toEqual(['2', '9', '10']);
	});
	it('forgets only what is not in use', () => {
		const plan = planOf('delete', [machine('a', { state: 'new' }), machine('b', { state: 'failed', node: 'n1' }), machine('c')], []);
		expect(ids(plan.items)).toEqual(['a']);
	});
});

describe('what is read once', () => {
	const fetched = vi.fn<typeof fetch>();
	beforeEach(() => {
		fetched.mockReset();
		vi.stubGlobal('fetch', fetched);
	});
	afterEach(() => vi.unstubAllGlobals());
	const lists = (machines: Machine[]) =>
		fetched.mockImplementation(async (url) => {
			const id = new URL(String(url), 'https://here').searchParams.get('id');
			const items = machines.filter((each) => id === null || each.id === id);
			return new Response(JSON.stringify({ items, next: null, total: items.length }));
		});

	it('is what was chosen, and says how many of it are gone', async () => {
		lists([machine('a', { state: 'new' }), machine('b', { state: 'new' })]);
		const plan = await readPlan('accept', { ids: new Set(['a', 'z']), matching: false, query: { q: 'machine' }, count: 2 });
		expect(ids(plan.items)).toEqual(['a']);
		expect(plan.gone).toBe(1);
		// Few are read by themselves, not out of the whole list.
		expect(fetched.mock.calls.map(([url]) => url)).toEqual(['a', 'z'].map((id) => `/v1/machines?q=machine&id=${id}&limit=1`));
	});
	it('is read with the whole list where many were chosen', async () => {
		lists([machine('a', { state: 'new' })]);
		const many = new Set(Array.from({ length: 51 }, (_, n) => (n ? `m${n}` : 'a')));
		const plan = await readPlan('accept', { ids: many, matching: false, query: {}, count: 51 });
		expect(fetched).toHaveBeenCalledTimes(1);
		expect([ids(plan.items), plan.gone]).toEqual([['a'], 50]);
	});
	it('is sent as it was shown, though the list is another by now', async () => {
		lists([machine('a')]);
		const plan = await readPlan('deploy', { ids: new Set(), matching: true, query: {}, count: 1 });
		lists([machine('a', { inventory: { disks: [{ serial: 'other', size_bytes: 9 * GIB }] } as Machine['inventory'] }), machine('late')]);
		fetched.mockClear();
		for (const item of plan.items) await sendPlanned(plan.action, item);
		expect(fetched.mock.calls.map(([url, init]) => [init?.method, url, init?.body])).toEqual([['POST', '/v1/machines/a/deploy', '{"disk":"a-boot"}']]);
	});
});
