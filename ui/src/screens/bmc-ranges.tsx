// SPDX-License-Identifier: GPL-3.0-or-later
// Where BMCs are looked for, with whose password, and what the last scan found.
import { useState } from 'react';
import { useChange, useOne, useShown } from '../api/queries';
import type { BmcRange } from '../api/types';
import { Button } from '../pf';
import { DangerDialog, Dialog } from '../ui/dialog';
import { TextField, useComplaint } from '../ui/field';
import { Screen, Teach, To } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { Time, useWords } from '../ui/words';

const REQUEST = 'bmc_range_request';
const FIELDS = ['name', 'range', 'user', 'password'] as const;
type Values = Record<(typeof FIELDS)[number], string>;

/** known: the one whose user or password is changed; null: a new one. */
function RangeDialog({ known, onClose }: { known: BmcRange | null; onClose: () => void }) {
	const { t } = useWords();
	const complain = useComplaint();
	const [values, setValues] = useState<Values>({ name: '', range: '', user: known?.user ?? '', password: '' });
	const change = useChange<BmcRange>();
	const now = useOne('bmc-ranges', known?.id).data ?? known;
	const shown = useShown<Partial<BmcRange>>(now ?? {}, ['user']);
	const asked = FIELDS.filter((field) => !known || field === 'user' || field === 'password');
	const kept = (field: keyof Values) => known !== null && field === 'password' && values.password === '';
	const bad = asked.some((field) => !kept(field) && complain(REQUEST, field, values[field]));
	const { user, password } = values;
	const changed = { ...(user !== known?.user ? { user } : {}), ...(password ? { password } : {}) };
	return (
		<Dialog
			title={known ? t('bmcRange.edit', { name: known.name }) : t('bmcRange.create')}
			confirm={known ? t('common.save') : t('common.create')}
			busy={change.isPending}
			error={change.error}
			disabled={bad || Object.keys(changed).length === 0}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					known
						? { method: 'PATCH', path: `/v1/bmc-ranges/${known.id}`, body: changed, revision: shown.revision, touches: ['bmc-ranges'] }
						: { method: 'POST', path: '/v1/bmc-ranges', body: values, touches: ['bmc-ranges', 'machines'] },
					{ onSuccess: onClose },
				)
			}
		>
			{asked.map((field) => (
				<TextField
					key={field}
					label={t(`bmcRange.${field}`)}
					request={kept(field) ? 'none' : REQUEST}
					name={field}
					type={field === 'password' ? 'password' : 'text'}
					autoComplete={field === 'password' ? 'new-password' : 'off'}
					value={values[field]}
					onChange={(value) => setValues((before) => ({ ...before, [field]: value }))}
					required={!known || field === 'user'}
					help={known && field === 'password' ? t('bmcRange.passwordKept') : t(`bmcRange.${field}Help`)}
					error={change.error}
				/>
			))}
		</Dialog>
	);
}

function Found({ range }: { range: BmcRange }) {
	const { t } = useWords();
	if (!range.scanned_at) return <>{t('bmcRange.scanning')}</>;
	return (
		<>
			{t('bmcRange.answered', { part: range.answered, whole: range.addresses })}
			{range.refused > 0 && (
				<>
					{' '}
					<strong>{t('bmcRange.refused', { count: range.refused })}</strong> <To to="/machines?bmc_state=credentials">{t('overview.look')}</To>
				</>
			)}
		</>
	);
}

export default function BmcRanges() {
	const { t } = useWords();
	const admin = useMay('admin');
	const [editing, setEditing] = useState<BmcRange | 'new' | null>(null);
	const [deleting, setDeleting] = useState<BmcRange | null>(null);
	const change = useChange();
	const actions = (range: BmcRange) =>
		range.configured ? (
			t('bmcRange.configured')
		) : (
			<span className="ingot-actions">
				<Button variant="link" isInline aria-label={t('bmcRange.edit', { name: range.name })} onClick={() => setEditing(range)}>
					{t('common.edit')}
				</Button>
				<Button variant="link" isInline isDanger aria-label={t('common.deleteOne', { name: range.name })} onClick={() => setDeleting(range)}>
					{t('common.delete')}
				</Button>
			</span>
		);
	const columns: Column<BmcRange>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 16, cell: (range) => range.name },
		{ field: 'range', label: t('bmcRange.range'), sort: true, width: 22, cell: (range) => range.range },
		{ field: 'user', label: t('bmcRange.user'), sort: true, width: 12, cell: (range) => range.user },
		{ field: 'answered', label: t('bmcRange.found'), width: 21, cell: (range) => <Found range={range} /> },
		{ field: 'scanned_at', label: t('bmcRange.scannedAt'), sort: true, width: 14, cell: (range) => <Time at={range.scanned_at} ago /> },
		...(admin ? [{ field: 'actions', label: t('field.actions'), width: 15, cell: actions }] : []),
	];
	return (
		<Screen title={t('nav.bmcRanges')}>
			<p className="ingot-note">{t('bmcRange.explain')}</p>
			<ResourceTable<BmcRange>
				label={t('nav.bmcRanges')}
				path="/v1/bmc-ranges"
				collection="bmc-ranges"
				columns={columns}
				defaultSort="name"
				rowName={(range) => range.name}
				actions={admin && <Button onClick={() => setEditing('new')}>{t('bmcRange.create')}</Button>}
				empty={<Teach title={t('bmcRange.emptyTitle')}>{t('bmcRange.emptyBody')}</Teach>}
			/>
			{editing && <RangeDialog known={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
			{deleting && (
				<DangerDialog
					title={t('bmcRange.deleteTitle', { name: deleting.name })}
					confirm={t('common.delete')}
					name={deleting.name}
					lost={<p>{t('bmcRange.lost')}</p>}
					busy={change.isPending}
					error={change.error}
					onClose={() => setDeleting(null)}
					onConfirm={() => change.mutate({ method: 'DELETE', path: `/v1/bmc-ranges/${deleting.id}`, touches: ['bmc-ranges'] }, { onSuccess: () => setDeleting(null) })}
				/>
			)}
		</Screen>
	);
}
