// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of many machines, fixed before a person is asked: what is shown is what is sent, whatever happens meanwhile.
import { call, get, newKey } from '../api/client';
import { readAll } from '../api/queries';
import type { Machine, Page, Vm } from '../api/types';
import type { BulkItem } from '../ui/bulk';
import type { Selection } from '../ui/resource-table';
import { runsOn } from '../ui/runs-on';
import { diskName, systemDisk, type Disk } from '../ui/system-disk';

export const MACHINE_STATES = ['new', 'commissioning', 'ready', 'deploying', 'deployed', 'failed'] as const satisfies readonly Machine['state'][];

export type BulkAction = 'accept' | 'deploy' | 'on' | 'off' | 'delete';

export interface Planned extends BulkItem {
	/** The disk that a deploy writes, and those that it turns into storage. */
	disk: Disk | undefined;
	others: Disk[];
	isNode: boolean;
	/** Names of the virtual machines on it that are not stopped. */
	runs: string[];
}
export interface Plan {
	action: BulkAction;
	items: Planned[];
	/** Names of those that were chosen and cannot be asked this. */
	left: string[];
	/** So many were chosen and are not there any more, or do not match the filter any more. */
	gone: number;
}

const BY_NAME = new Intl.Collator('en', { numeric: true });
const nameOf = (machine: Machine) => machine.name ?? machine.id;
const idle = (machine: Machine, state: Machine['state']) => machine.state === state || machine.state === 'failed';

/** What is there is found again: only what is in use could be lost. */
export const canDelete = (machine: Machine) => idle(machine, 'new') && !machine.node;

const CAN: Record<BulkAction, (machine: Machine) => boolean> = {
	accept: (machine) => idle(machine, 'new'),
	// Without a disk to name the server might take the only one there is, which nobody was shown.
	deploy: (machine) => idle(machine, 'ready') && systemDisk(machine) !== undefined,
	on: (machine) => Boolean(machine.bmc_address) && machine.power !== 'on',
	off: (machine) => Boolean(machine.bmc_address) && machine.power !== 'off',
	delete: canDelete,
};

export function planOf(action: BulkAction, machines: Machine[], vms: Vm[], chosen = machines.length): Plan {
	const sorted = [...machines].sort((a, b) => BY_NAME.compare(nameOf(a), nameOf(b)));
	const can = sorted.filter(CAN[action]);
	return {
		action,
		items: can.map((machine) => {
			const disk = systemDisk(machine);
			return {
				id: machine.id,
				name: nameOf(machine),
				disk,
				others: (machine.inventory?.disks ?? []).filter((each) => each !== disk),
				isNode: Boolean(machine.node),
				runs: runsOn(machine.node, vms),
			};
		}),
		left: sorted.filter((machine) => !can.includes(machine)).map(nameOf),
		gone: Math.max(0, chosen - machines.length),
	};
}

/** Up to so many are read one by one: a page of the list has a thousand. */
const FEW = 50;
const AT_ONCE = 4;

/** Those of the ids that are there and still match what the table was filtered by. */
async function readFew(ids: string[], query: Record<string, string>): Promise<Machine[]> {
	const found: Machine[] = [];
	const left = [...ids];
	const worker = async () => {
		for (let id = left.shift(); id; id = left.shift()) {
			const { items } = await get<Page<Machine>>('/v1/machines', { ...query, id, limit: 1 });
			found.push(...items);
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
	return found;
}

/** Of the machines that are chosen in a table, as they are now. */
export async function readPlan(action: BulkAction, selection: Selection): Promise<Plan> {
	const few = !selection.matching && selection.ids.size <= FEW;
	const [machines, vms] = await Promise.all([few ? readFew([...selection.ids], selection.query) : readAll('machines', selection.query), action === 'off' ? readAll('vms') : []]);
	const chosen = selection.matching ? machines : machines.filter((machine) => selection.ids.has(machine.id));
	return planOf(action, chosen, vms, selection.matching ? chosen.length : selection.count);
}

/** Asks it of one. */
export function sendPlanned(action: BulkAction, { id, disk }: Planned): Promise<unknown> {
	if (action === 'delete') return call('DELETE', `/v1/machines/${id}`);
	const headers = { 'Idempotency-Key': newKey() };
	if (action === 'accept') return call('POST', `/v1/machines/${id}/accept`, { body: {}, headers });
	if (action === 'deploy') return call('POST', `/v1/machines/${id}/deploy`, { body: { disk: disk && diskName(disk) }, headers });
	return call('POST', `/v1/machines/${id}/power`, { body: { action }, headers });
}
