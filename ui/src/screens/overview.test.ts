// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import type { Machine, Node, Pool, Vm } from '../api/types';
import { needs } from './overview';

const pool = (over: Partial<Pool>) => ({ id: 'p', name: 'default', state: 'active', total_bytes: 100, used_bytes: 10, ...over }) as Pool;
const node = (over: Partial<Node>) => ({ id: 'n', name: 'n1', health: 'ready', error: null, ...over }) as Node;
const vm = (over: Partial<Vm>) => ({ id: 'v', name: 'v1', state: 'running', error: null, ...over }) as Vm;
const machine = (over: Partial<Machine>) => ({ id: 'm', name: 'm1', state: 'deployed', error: null, ...over }) as Machine;

it('needs nobody when all is well', () => expect(needs([machine({})], [node({})], [vm({}), vm({ state: 'stopped' })], [pool({})])).toEqual([]));

it('does not call a cluster broken that is only beginning', () => {
	expect(needs([], [], [], [pool({ state: 'waiting', total_bytes: 0 }), pool({ state: 'creating' })])).toEqual([]);
});

it('says what needs a person, storage first', () => {
	const error = { code: 'internal' as const, text: 'why', field: null };
	const list = needs(
		[machine({ state: 'failed', error })],
		[node({ health: 'unreachable' }), node({ id: 'n2', error })],
		[vm({ state: 'unknown' }), vm({ id: 'v2', state: 'failed', error })],
		[pool({ state: 'degraded', used_bytes: 90 })],
	);
	expect(list.map((need) => need.kind)).toEqual(['pool', 'poolFull', 'nodeUnreachable', 'nodeError', 'vm', 'vm', 'machineFailed']);
	expect(list.map((need) => need.to)).toEqual(['/pools', '/pools', '/nodes/n', '/nodes/n2', '/vms/v', '/vms/v2', '/machines/m']);
});
