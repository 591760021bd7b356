// SPDX-License-Identifier: GPL-3.0-or-later
// The disks of machines and what each is used for: what was found in the machine, and what its node reports.
import type { Machine, Node } from '../api/types';
import { isSameDisk, type Disk } from './system-disk';

export type DiskUse = { kind: 'system' | 'inUse' | 'free' } | { kind: 'osd'; number: number; state: string | null };
export interface DiskRow {
	id: string;
	machine: Machine;
	/** Without what only the machine's inventory says, if the disk came later. */
	disk: Pick<Disk, 'serial' | 'wwn'> & Partial<Disk>;
	use: DiskUse;
}

function useOf(disk: Disk, machine: Machine, node: Node | undefined): DiskUse {
	if (machine.install_disk && isSameDisk(machine.install_disk, disk)) return { kind: 'system' };
	const osd = node?.osds.find((each) => isSameDisk(each, disk));
	if (osd) return { kind: 'osd', number: osd.number, state: osd.state };
	return { kind: disk.in_use ? 'inUse' : 'free' };
}

/** In the order of the machines; at the end of each, the OSDs whose disks were not there when it was looked at. */
export function disksOf(machines: Machine[], nodes: Node[]): DiskRow[] {
	const byId = new Map(nodes.map((node) => [node.id, node]));
	return machines.flatMap((machine) => {
		const node = machine.node ? byId.get(machine.node) : undefined;
		const found = machine.inventory?.disks ?? [];
		const later = (node?.osds ?? []).filter((osd) => !found.some((disk) => isSameDisk(osd, disk)));
		return [
			...found.map((disk, index): DiskRow => ({ id: `${machine.id}-${index}`, machine, disk, use: useOf(disk, machine, node) })),
			...later.map(
				(osd, index): DiskRow => ({
					id: `${machine.id}-osd-${osd.uuid ?? index}`,
					machine,
					disk: { serial: osd.serial, wwn: osd.wwn },
					use: { kind: 'osd', number: osd.number, state: osd.state },
				}),
			),
		];
	});
}
