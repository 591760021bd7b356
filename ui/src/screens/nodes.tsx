// SPDX-License-Identifier: GPL-3.0-or-later
import type { Node } from '../api/types';
import { ButtonLink, Screen, Teach, To } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { StateLabel, Time, useWords } from '../ui/words';
import { AwaitedLabel, AwaitedNodes } from './node-awaited';

const HEALTH = ['ready', 'joining', 'unreachable'] as const satisfies readonly Node['health'][];

export default function Nodes() {
	const { t, bytes } = useWords();
	const columns: Column<Node>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 16, cell: (node) => <To to={`/nodes/${node.id}`}>{node.name ?? node.id}</To> },
		{
			field: 'health',
			label: t('field.health'),
			sort: true,
			width: 19,
			cell: (node) => (
				<>
					<StateLabel state={node.health} /> <AwaitedLabel node={node} />
				</>
			),
		},
		{ field: 'address', label: t('field.address'), width: 12, cell: (node) => node.address ?? '–' },
		{ field: 'cpus', label: t('field.cpus'), sort: true, width: 10, cell: (node) => node.cpus },
		{ field: 'memory_free_bytes', label: t('field.memoryFree'), width: 17, cell: (node) => t('common.of', { part: bytes(node.memory_free_bytes), whole: bytes(node.memory_bytes) }) },
		{ field: 'vm_count', label: t('nav.vms'), sort: true, width: 11, cell: (node) => node.vm_count },
		{ field: 'seen', label: t('field.seen'), width: 15, cell: (node) => <Time at={node.seen} ago /> },
	];
	return (
		<Screen title={t('nav.nodes')}>
			<AwaitedNodes />
			<ResourceTable<Node>
				label={t('nav.nodes')}
				path="/v1/nodes"
				collection="nodes"
				columns={columns}
				filters={[{ field: 'health', label: t('field.health'), words: HEALTH }]}
				defaultSort="name"
				rowName={(node) => node.name ?? node.id}
				empty={
					<Teach title={t('nodes.emptyTitle')} action={<ButtonLink to="/machines" primary>{t('nav.machines')}</ButtonLink>}>
						{t('nodes.emptyBody')}
					</Teach>
				}
			/>
		</Screen>
	);
}
