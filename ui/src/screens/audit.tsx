// SPDX-License-Identifier: GPL-3.0-or-later
import type { Audit } from '../api/types';
import { Label } from '../pf';
import { Foreign, Screen, Teach } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { Time, useWords } from '../ui/words';

const VIA = ['session', 'token', 'nothing'] as const satisfies readonly Audit['via'][];

export default function AuditScreen() {
	const { t, word } = useWords();
	const columns: Column<Audit>[] = [
		{ field: 'time', label: t('field.time'), sort: true, width: 21, cell: (entry) => <Time at={entry.time} /> },
		{ field: 'who', label: t('field.who'), sort: true, width: 13, cell: (entry) => <Foreign text={entry.who} /> },
		{ field: 'via', label: t('field.via'), width: 8, cell: (entry) => word(entry.via) },
		{ field: 'address', label: t('field.address'), sort: true, width: 13, cell: (entry) => entry.address },
		{ field: 'operation', label: t('field.operation'), sort: true, width: 16, cell: (entry) => <code>{entry.operation}</code> },
		{ field: 'object', label: t('field.object'), width: 16, cell: (entry) => <Foreign text={entry.object} /> },
		{
			field: 'status',
			label: t('field.outcome'),
			sort: true,
			width: 13,
			cell: (entry) => (
				<Label isCompact color={entry.status < 400 ? 'green' : 'red'}>
					{entry.status} {entry.code && entry.code !== 'none' ? <code>{entry.code}</code> : ''}
				</Label>
			),
		},
	];
	return (
		<Screen title={t('nav.audit')}>
			<ResourceTable<Audit>
				label={t('nav.audit')}
				path="/v1/audit"
				collection="audit"
				columns={columns}
				filters={[{ field: 'via', label: t('field.via'), words: VIA }]}
				defaultSort="-time"
				rowName={(entry) => entry.operation ?? entry.id}
				empty={<Teach title={t('nav.audit')}>{t('audit.emptyBody')}</Teach>}
			/>
		</Screen>
	);
}
