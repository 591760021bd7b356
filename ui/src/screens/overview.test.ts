// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import type { Machine, Node, Pool, Task, Vm } from '../api/types';
import { zonesOf } from './overview-map';
import { isMild, needs, type Seen } from './overview-needs';

const NOW = Date.UTC(2026, 0, 2);
const at = (minutesAgo: number) => new Date(NOW - minutesAgo * 60000).toISOString();
const pool = (over: Partial<Pool>) => ({ id: 'p', name: 'default', state: 'active', total_bytes: 100, used_bytes: 10, size: 3, state_since: at(0), ...over }) as Pool;
const node = (over: Partial<Node>) => ({ id: 'n', name: 'n1', health: 'ready', error: null, pool_disks: true, awaited: false, zone: null, ...over }) as Node;
const vm = (over: Partial<Vm>) => ({ id: 'v', name: 'v1', state: 'running', error: null, ...over }) as Vm;
const machine = (over: Partial<Machine>) => ({ id: 'm', name: 'm1', state: 'deployed', bmc_state: 'ok', error: null, bmc_error: null, zone: null, ...over }) as Machine;

const task = (over: Partial<Task>) =>
	({ id: 't', action: 'vm.start', resource: 'vm', resource_id: 'v', resource_name: 'v1', state: 'succeeded', ended: at(1), retried_by: null, error: null, ...over }) as Task;
const NOTHING: Seen = { machines: [], nodes: [], vms: [], pools: [], tasks: [] };
const needsOf = (seen: Partial<Seen>) => needs({ ...NOTHING, ...seen }, NOW);
const kindsOf = (seen: Partial<Seen>) => needsOf(seen).map((need) => need.kind);
const error = { code: 'internal' as const, text: 'why', field: null };

it('needs nobody when all is well', () =>
	expect(kindsOf({ machines: [machine({})], nodes: [node({})], vms: [vm({}), vm({ state: 'stopped' })], pools: [pool({})] })).toEqual([]));

it('does not call a cluster broken that is only beginning', () => {
	expect(kindsOf({ pools: [pool({ state: 'waiting', total_bytes: 0, state_since: at(600) }), pool({ state: 'creating', state_since: at(14) })] })).toEqual([]);
});

it('calls a pool slow that has what it waits for, or is made for too long', () => {
	const nodes = [1, 2, 3].map((n) => node({ id: `n${n}` }));
	const waiting = (minutes: number) => [pool({ state: 'waiting', state_since: at(minutes) })];
	expect(kindsOf({ nodes, pools: waiting(14) })).toEqual([]);
	expect(kindsOf({ nodes, pools: waiting(15) })).toEqual(['poolSlow']);
	expect(kindsOf({ nodes: nodes.slice(1), pools: waiting(600) })).toEqual([]);
	expect(kindsOf({ nodes: [...nodes.slice(1), node({ id: 'kept', pool_disks: false })], pools: waiting(600) })).toEqual([]);
	expect(kindsOf({ pools: [pool({ state: 'creating', state_since: at(15) })] })).toEqual(['poolSlow']);
	expect(kindsOf({ pools: [pool({ state: 'creating', state_since: null })] })).toEqual([]);
});

it('says what needs a person, storage first and BMCs last', () => {
	const list = needsOf({
		machines: [machine({ state: 'failed', error }), machine({ id: 'm2', bmc_state: 'credentials', bmc_error: error }), machine({ id: 'm3', bmc_state: 'unreachable' })],
		nodes: [node({ health: 'unreachable' }), node({ id: 'n2', error }), node({ id: 'n3', health: 'unreachable', awaited: true }), node({ id: 'n4', awaited: true })],
		vms: [vm({ state: 'unknown' }), vm({ id: 'v2', state: 'failed', error })],
		pools: [pool({ state: 'degraded', used_bytes: 90 })],
		tasks: [task({ resource: 'volume', resource_id: 'vol', state: 'failed', error })],
	});
	expect(list.map((need) => need.kind)).toEqual([
		'pool', 'poolFull', 'nodeUnreachable', 'nodeError', 'nodeAwaited', 'vmUnknown', 'vm', 'machineFailed', 'taskFailed', 'bmc', 'bmc',
	]);
	expect(list.map((need) => need.to)).toEqual([
		'/pools/p', '/pools/p', '/nodes/n', '/nodes/n2', '/nodes/n3', '/vms/v', '/vms/v2', '/machines/m', '/tasks?task=t', '/machines/m2', '/machines/m3',
	]);
	expect(list.filter(isMild).map((need) => need.kind)).toEqual(['poolFull', 'nodeError', 'taskFailed', 'bmc', 'bmc']);
});

it('tells of a failed task, unless its resource does, or is gone', () => {
	const failed = task({ state: 'failed', error });
	expect(needsOf({ vms: [vm({})], tasks: [failed] })).toEqual([{ kind: 'taskFailed', name: 'v1', to: '/tasks?task=t', detail: 'why' }]);
	expect(kindsOf({ tasks: [failed] })).toEqual([]);
	expect(kindsOf({ vms: [vm({ state: 'failed', error })], tasks: [failed] })).toEqual(['vm']);
	const ofMachine = { ...failed, resource: 'machine', resource_id: 'm' } as Task;
	expect(kindsOf({ tasks: [ofMachine] })).toEqual(['taskFailed']);
	expect(kindsOf({ machines: [machine({ state: 'failed', error })], tasks: [ofMachine] })).toEqual(['machineFailed']);
});

it('shows the map by zones, numbers as numbers, and what has none last', () => {
	const zones = zonesOf(
		[node({ id: 'a', zone: 'rack 10' }), node({ id: 'b' }), node({ id: 'c', zone: 'rack 2' })],
		[machine({ id: 'd', zone: 'rack 2' }), machine({ id: 'e', zone: 'hall' })],
	);
	expect(zones.map(({ zone, nodes, machines }) => [zone, nodes.map((each) => each.id), machines.map((each) => each.id)])).toEqual([
		['hall', [], ['e']],
		['rack 2', ['c'], ['d']],
		['rack 10', ['a'], []],
		[null, ['b'], []],
	]);
	expect(zonesOf([], [])).toEqual([]);
});
