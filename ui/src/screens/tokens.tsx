// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useChange } from '../api/queries';
import type { Role, Token } from '../api/types';
import { Button } from '../pf';
import { DangerDialog, Dialog } from '../ui/dialog';
import { SelectField, TextField, useComplaint } from '../ui/field';
import { Screen, Teach } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useSession } from '../ui/session';
import { ShownOnce } from '../ui/shown-once';
import { Time, useWords } from '../ui/words';
import { ROLES } from './users';

const DAY_MS = 24 * 60 * 60 * 1000;
const LIVES = ['7', '30', '90', '365', ''] as const;

function CreateToken({ onDone, onClose }: { onDone: (token: Token) => void; onClose: () => void }) {
	const { t, word } = useWords();
	const { session } = useSession();
	const complain = useComplaint();
	const [name, setName] = useState('');
	const [role, setRole] = useState<Role>('viewer');
	const [days, setDays] = useState<string>('90');
	const change = useChange<Token>();
	const mine = ROLES.slice(0, ROLES.indexOf(session?.user.role ?? 'viewer') + 1);
	return (
		<Dialog
			title={t('token.create')}
			confirm={t('common.create')}
			busy={change.isPending}
			error={change.error}
			disabled={Boolean(complain('token_request', 'name', name))}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					{
						method: 'POST',
						path: '/v1/tokens',
						body: { name, role, ...(days ? { expires_at: new Date(Date.now() + Number(days) * DAY_MS).toISOString() } : {}) },
						touches: ['tokens'],
					},
					{ onSuccess: onDone },
				)
			}
		>
			<TextField label={t('field.name')} request="token_request" name="name" value={name} onChange={setName} required help={t('token.nameHelp')} error={change.error} />
			<SelectField
				label={t('field.role')}
				request="token_request"
				name="role"
				value={role}
				onChange={(value) => setRole(value as Role)}
				options={mine.map((each) => ({ value: each, label: word(each) }))}
				help={t(`role.${role}`)}
				error={change.error}
			/>
			<SelectField
				label={t('field.expires')}
				request="token_request"
				name="expires_at"
				value={days}
				onChange={setDays}
				options={LIVES.map((each) => ({ value: each, label: each ? t('token.days', { count: Number(each) }) : t('token.never') }))}
				error={change.error}
			/>
		</Dialog>
	);
}

export default function Tokens() {
	const { t, word } = useWords();
	const [creating, setCreating] = useState(false);
	const [made, setMade] = useState<Token | null>(null);
	const [deleting, setDeleting] = useState<Token | null>(null);
	const change = useChange();
	const columns: Column<Token>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 22, cell: (token) => token.name },
		{ field: 'role', label: t('field.role'), sort: true, width: 13, cell: (token) => word(token.role) },
		{ field: 'user_name', label: t('field.user'), width: 15, cell: (token) => token.user_name ?? '–' },
		{ field: 'expires_at', label: t('field.expires'), sort: true, width: 16, cell: (token) => (token.expires_at ? <Time at={token.expires_at} /> : t('token.never')) },
		{ field: 'last_used_at', label: t('field.lastUsed'), sort: true, width: 18, cell: (token) => <Time at={token.last_used_at} ago /> },
		{
			field: 'actions',
			label: t('field.actions'),
			width: 16,
			cell: (token) => (
				<Button variant="link" isInline isDanger aria-label={t('common.deleteOne', { name: token.name })} onClick={() => setDeleting(token)}>
					{t('common.delete')}
				</Button>
			),
		},
	];
	return (
		<Screen title={t('nav.tokens')}>
			<ResourceTable<Token>
				label={t('nav.tokens')}
				path="/v1/tokens"
				collection="tokens"
				columns={columns}
				defaultSort="name"
				rowName={(token) => token.name}
				actions={<Button onClick={() => setCreating(true)}>{t('token.create')}</Button>}
				empty={<Teach title={t('tokens.emptyTitle')}>{t('tokens.emptyBody')}</Teach>}
			/>
			{creating && (
				<CreateToken
					onClose={() => setCreating(false)}
					onDone={(token) => {
						setCreating(false);
						setMade(token);
					}}
				/>
			)}
			{made && <ShownOnce title={t('token.made', { name: made.name })} label={t('kind.token')} secret={made.token ?? ''} onClose={() => setMade(null)} />}
			{deleting && (
				<DangerDialog
					title={t('token.deleteTitle', { name: deleting.name })}
					confirm={t('common.delete')}
					name={deleting.name}
					lost={<p>{t('token.lost')}</p>}
					busy={change.isPending}
					error={change.error}
					onClose={() => setDeleting(null)}
					onConfirm={() => change.mutate({ method: 'DELETE', path: `/v1/tokens/${deleting.id}`, touches: ['tokens'] }, { onSuccess: () => setDeleting(null) })}
				/>
			)}
		</Screen>
	);
}
