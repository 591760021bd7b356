// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import type { Machine } from '../api/types';
import { ButtonLink, Foreign, Screen, Teach, To } from '../ui/parts';
import { ResourceTable, type Column, type Filter } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { StateLabel, useWords } from '../ui/words';
import { MachineBulk, MachineBulkButtons, type BulkAsk } from './machine-bulk';
import { MACHINE_STATES } from './machine-plan';

const POWERS = ['on', 'off', 'unknown'] as const satisfies readonly Machine['power'][];
const BMCS = ['ok', 'unreachable', 'credentials', 'unknown'] as const satisfies readonly Machine['bmc_state'][];

export default function Machines() {
	const { t, bytes, word } = useWords();
	const operator = useMay('operator');
	const [ask, setAsk] = useState<BulkAsk | null>(null);
	const columns: Column<Machine>[] = [
		{
			field: 'name',
			label: t('field.name'),
			sort: true,
			width: 14,
			cell: (machine) => <To to={`/machines/${machine.id}`}>{machine.name ?? machine.id}</To>,
		},
		{ field: 'state', label: t('field.state'), sort: true, width: 13, cell: (machine) => <StateLabel state={machine.state} /> },
		{ field: 'power', label: t('field.power'), sort: true, width: 9, cell: (machine) => <StateLabel state={machine.power} /> },
		{ field: 'address', label: t('field.address'), width: 12, cell: (machine) => machine.address ?? '–' },
		{ field: 'bmc_address', label: t('field.bmc'), width: 12, cell: (machine) => machine.bmc_address ?? '–' },
		{ field: 'zone', label: t('field.zone'), sort: true, width: 9, cell: (machine) => <Foreign text={machine.zone} /> },
		{ field: 'model', label: t('field.model'), width: 13, cell: (machine) => <Foreign text={machine.inventory?.system?.product} /> },
		{ field: 'memory', label: t('field.memory'), width: 9, cell: (machine) => bytes(machine.inventory?.memory_bytes) },
		{ field: 'firmware', label: t('field.firmware'), width: 9, cell: (machine) => word(machine.firmware) },
	];
	const filters: Filter[] = [
		{ field: 'state', label: t('field.state'), words: MACHINE_STATES },
		{ field: 'power', label: t('field.power'), words: POWERS },
		{ field: 'bmc_state', label: t('field.bmc'), words: BMCS },
	];
	return (
		<Screen title={t('nav.machines')}>
			<ResourceTable<Machine>
				label={t('nav.machines')}
				path="/v1/machines"
				collection="machines"
				columns={columns}
				filters={filters}
				defaultSort="name"
				rowName={(machine) => machine.name ?? machine.id}
				selectionActions={operator ? (selection, clear) => <MachineBulkButtons selection={selection} clear={clear} onAsk={setAsk} /> : undefined}
				empty={
					<Teach title={t('machines.emptyTitle')} action={<ButtonLink to="/bmc-ranges">{t('machines.tellBmcs')}</ButtonLink>}>
						{t('machines.emptyBody')}
					</Teach>
				}
			/>
			{ask && <MachineBulk ask={ask} onClose={() => setAsk(null)} />}
		</Screen>
	);
}
