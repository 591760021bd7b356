// SPDX-License-Identifier: GPL-3.0-or-later
// What needs a person. "Nothing needs you" is said only when none of this holds.
import { toldBy, untold } from '../api/failed-tasks';
import type { Machine, Node, Pool, Task, Vm } from '../api/types';
import { isMissed } from './awaited';

const FULL = 0.85;
const SLOW_MS = 15 * 60000;

type Plain = 'nodeAwaited' | 'vmUnknown' | 'nodeUnreachable' | 'poolFull';
type Detailed = 'machineFailed' | 'nodeError' | 'vm' | 'taskFailed' | 'bmc';
export type Need =
	| { kind: Plain; name: string; to: string }
	| { kind: Detailed; name: string; to: string; detail: string }
	| { kind: 'pool' | 'poolSlow'; name: string; to: string; pool: Pool };

export interface Seen {
	/** Those that failed, and those whose BMC is not well. */
	machines: Machine[];
	nodes: Node[];
	vms: Vm[];
	pools: Pool[];
	/** Those that failed lately and have not been made good. */
	tasks: Task[];
}

const since = (time: string | null, now: number) => (time ? now - Date.parse(time) : 0);

/** Whether a pool has been coming for longer than that takes. One that waits for nodes does so for as long as it likes while there
 * are too few. */
function isSlow(pool: Pool, nodes: Node[], now: number): boolean {
	if (pool.state !== 'creating' && pool.state !== 'waiting') return false;
	const enough = nodes.filter((node) => node.health === 'ready' && node.pool_disks).length >= pool.size;
	return (pool.state === 'creating' || enough) && since(pool.state_since, now) >= SLOW_MS;
}

function ofPools({ pools, nodes }: Seen, now: number): Need[] {
	return pools.flatMap((pool): Need[] => {
		const at = { name: pool.name ?? pool.id, to: `/pools/${pool.id}` };
		const list: Need[] = [];
		if (pool.state === 'degraded' || pool.state === 'unreachable') list.push({ kind: 'pool', ...at, pool });
		if (isSlow(pool, nodes, now)) list.push({ kind: 'poolSlow', ...at, pool });
		if (pool.total_bytes > 0 && pool.used_bytes / pool.total_bytes >= FULL) list.push({ kind: 'poolFull', ...at });
		return list;
	});
}

function ofNodes({ nodes }: Seen): Need[] {
	return nodes.flatMap((node): Need[] => {
		const at = { name: node.name ?? node.id, to: `/nodes/${node.id}` };
		if (isMissed(node)) return [{ kind: 'nodeAwaited', ...at }];
		if (node.health === 'unreachable') return [{ kind: 'nodeUnreachable', ...at }];
		return node.error ? [{ kind: 'nodeError', ...at, detail: node.error.text ?? '' }] : [];
	});
}

const ofVms = ({ vms }: Seen): Need[] =>
	vms
		.filter((vm) => vm.state === 'failed' || vm.state === 'unknown')
		.map((vm) => {
			const at = { name: vm.name, to: `/vms/${vm.id}` };
			return vm.state === 'unknown' && !vm.error ? { kind: 'vmUnknown', ...at } : { kind: 'vm', ...at, detail: vm.error?.text ?? '' };
		});

function ofMachines({ machines }: Seen): { failed: Need[]; bmcs: Need[] } {
	const at = (machine: Machine) => ({ name: machine.name ?? machine.id, to: `/machines/${machine.id}` });
	return {
		failed: machines
			.filter((machine) => machine.state === 'failed')
			.map((machine) => ({ kind: 'machineFailed', ...at(machine), detail: machine.error?.text ?? '' })),
		bmcs: machines
			.filter((machine) => machine.bmc_state === 'unreachable' || machine.bmc_state === 'credentials')
			.map((machine) => ({ kind: 'bmc', ...at(machine), detail: machine.bmc_error?.text ?? '' })),
	};
}

const ofTasks = ({ tasks, machines, vms }: Seen): Need[] =>
	untold(tasks, toldBy(machines, vms)).map((task) => ({ kind: 'taskFailed', name: task.resource_name ?? task.resource_id ?? '', to: `/tasks?task=${task.id}`, detail: task.error?.text ?? '' }));

/** What needs a person, the worst first. */
export function needs(seen: Seen, now: number): Need[] {
	const { failed, bmcs } = ofMachines(seen);
	return [...ofPools(seen, now), ...ofNodes(seen), ...ofVms(seen), ...failed, ...ofTasks(seen), ...bmcs];
}

const MILD: Need['kind'][] = ['poolFull', 'poolSlow', 'nodeError', 'taskFailed', 'bmc'];
export const isMild = (need: Need) => MILD.includes(need.kind);
