// SPDX-License-Identifier: GPL-3.0-or-later
import type { Vm } from '../api/types';
import { ButtonLink, Screen, Teach, To } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { StateLabel, useWords } from '../ui/words';

const STATES = ['running', 'stopped', 'starting', 'stopping', 'migrating', 'deleting', 'unknown', 'failed'] as const satisfies readonly Vm['state'][];

export default function Vms() {
	const { t, bytes } = useWords();
	const operator = useMay('operator');
	const columns: Column<Vm>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 26, cell: (vm) => <To to={`/vms/${vm.id}`}>{vm.name}</To> },
		{ field: 'state', label: t('field.state'), sort: true, width: 16, cell: (vm) => <StateLabel state={vm.state} /> },
		{ field: 'node_name', label: t('field.node'), width: 18, cell: (vm) => (vm.node ? <To to={`/nodes/${vm.node}`}>{vm.node_name ?? vm.node}</To> : '–') },
		{ field: 'cpus', label: t('field.cpus'), sort: true, width: 10, cell: (vm) => vm.cpus },
		{ field: 'memory_bytes', label: t('field.memory'), sort: true, width: 14, cell: (vm) => bytes(vm.memory_bytes) },
		{ field: 'volume_name', label: t('field.volume'), width: 16, cell: (vm) => vm.volume_name ?? '–' },
	];
	const create = operator && <ButtonLink to="/vms/new" primary>{t('vm.create')}</ButtonLink>;
	return (
		<Screen title={t('nav.vms')}>
			<ResourceTable<Vm>
				label={t('nav.vms')}
				path="/v1/vms"
				collection="vms"
				columns={columns}
				filters={[{ field: 'state', label: t('field.state'), words: STATES }]}
				defaultSort="name"
				rowName={(vm) => vm.name}
				actions={create}
				empty={<Teach title={t('vms.emptyTitle')}>{t('vms.emptyBody')}</Teach>}
			/>
		</Screen>
	);
}
