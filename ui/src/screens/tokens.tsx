// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useChange } from '../api/queries';
import type { Role, Token } from '../api/types';
import { Dialog } from '../ui/dialog';
import { SelectField, TextField, useComplaint } from '../ui/field';
import type { Column } from '../ui/resource-table';
import { useSession } from '../ui/session';
import { TokenFrame } from '../ui/token-frame';
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
	const columns: Column<Token>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 22, cell: (token) => token.name },
		{ field: 'role', label: t('field.role'), sort: true, width: 13, cell: (token) => word(token.role) },
		{ field: 'user_name', label: t('field.user'), width: 15, cell: (token) => token.user_name ?? '–' },
		{ field: 'expires_at', label: t('field.expires'), sort: true, width: 16, cell: (token) => (token.expires_at ? <Time at={token.expires_at} /> : t('token.never')) },
		{ field: 'last_used_at', label: t('field.lastUsed'), sort: true, width: 18, cell: (token) => <Time at={token.last_used_at} ago /> },
	];
	return (
		<TokenFrame<Token>
			role="operator"
			collection="tokens"
			columns={columns}
			actionsWidth={16}
			dialog={(done, close) => <CreateToken onDone={done} onClose={close} />}
			words={{
				title: t('nav.tokens'),
				create: t('token.create'),
				empty: { title: t('tokens.emptyTitle'), body: t('tokens.emptyBody') },
				secret: t('kind.token'),
				made: ({ name }) => t('token.made', { name }),
				end: t('common.delete'),
				endOne: ({ name }) => t('common.deleteOne', { name }),
				endTitle: ({ name }) => t('token.deleteTitle', { name }),
				lost: t('token.lost'),
			}}
		/>
	);
}
