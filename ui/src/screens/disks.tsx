// SPDX-License-Identifier: GPL-3.0-or-later
// The disks of all machines. The API lists machines, with the disks of each: a page of them is read after the other.
import { useCallback } from 'react';
import { useAll } from '../api/queries';
import type { Machine } from '../api/types';
import { disksOf, type DiskRow } from '../ui/disk-use';
import { Foreign, Screen, Teach, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useWords } from '../ui/words';
import { DiskUseText } from './disk-use-text';
import { MACHINE_STATES } from './machine-plan';

/** Machines are asked for with all that was found in them. */
const MACHINES = 50;

export default function Disks() {
	const { t, bytes } = useWords();
	const { data: nodes, error } = useAll('nodes');
	const rowsOf = useCallback((machines: Machine[]) => disksOf(machines, nodes ?? []), [nodes]);
	const nameOf = ({ machine }: DiskRow) => machine.name ?? machine.id;
	const columns: Column<DiskRow>[] = [
		{ field: 'name', label: t('kind.machine'), sort: true, width: 15, cell: (row) => <To to={`/machines/${row.machine.id}?tab=disks`}>{nameOf(row)}</To> },
		{ field: 'use', label: t('field.use'), width: 17, cell: (row) => <DiskUseText use={row.use} /> },
		{ field: 'size', label: t('field.size'), width: 10, cell: (row) => bytes(row.disk.size_bytes) },
		{ field: 'model', label: t('field.model'), width: 18, cell: (row) => <Foreign text={row.disk.model} /> },
		{ field: 'serial', label: t('field.serial'), width: 18, cell: (row) => <Foreign text={row.disk.serial} /> },
		{ field: 'wwn', label: t('field.wwn'), width: 12, cell: (row) => <Foreign text={row.disk.wwn} /> },
		{ field: 'path', label: t('field.path'), width: 10, cell: (row) => <Foreign text={row.disk.path} /> },
	];
	return (
		<Screen title={t('nav.disks')}>
			<ProblemAlert error={error} />
			<ResourceTable<DiskRow, Machine>
				label={t('nav.disks')}
				path="/v1/machines"
				collection="machines"
				columns={columns}
				filters={[{ field: 'state', label: t('disks.machineState'), words: MACHINE_STATES }]}
				defaultSort="name"
				rowName={nameOf}
				searchLabel={t('disks.search')}
				parts={{
					rowsOf,
					limit: MACHINES,
					count: (rows, read, total) => (read < total ? t('disks.countRead', { rows, read, total }) : t('disks.count', { rows, total })),
					readOn: t('disks.readOn'),
				}}
				empty={<Teach title={t('machines.emptyTitle')}>{t('machines.emptyBody')}</Teach>}
			/>
		</Screen>
	);
}
