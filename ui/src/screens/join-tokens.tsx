// SPDX-License-Identifier: GPL-3.0-or-later
// What lets a machine in that cannot be installed over the network.
import { useState } from 'react';
import { useChange } from '../api/queries';
import type { JoinToken } from '../api/types';
import { Dialog } from '../ui/dialog';
import { SelectField, TextField, useComplaint } from '../ui/field';
import { useNow } from '../ui/now';
import { Panel, To } from '../ui/parts';
import type { Column } from '../ui/resource-table';
import { TokenFrame } from '../ui/token-frame';
import { Time, useWords } from '../ui/words';

const HOUR_MS = 60 * 60 * 1000;
const LIVES = [1, 24, 168, 720] as const;

/** The name that the commands and the screen give a token that can do no more. */
export function spent(token: Pick<JoinToken, 'expires_at' | 'uses' | 'joins'>, now: number): 'expired' | 'used' | null {
	if (token.expires_at && Date.parse(token.expires_at) <= now) return 'expired';
	return token.joins.length >= token.uses ? 'used' : null;
}

function HowToJoin() {
	const { t } = useWords();
	return (
		<Panel title={t('join.howTitle')}>
			<ol className="ingot-steps">
				<li>{t('join.howMedium')}</li>
				<li>{t('join.howToken')}</li>
				<li>{t('join.howType')}</li>
				<li>
					{t('join.howNode')} <To to="/nodes">{t('nav.nodes')}</To>
				</li>
			</ol>
		</Panel>
	);
}

function CreateToken({ onDone, onClose }: { onDone: (token: JoinToken) => void; onClose: () => void }) {
	const { t } = useWords();
	const complain = useComplaint();
	const [name, setName] = useState('');
	const [uses, setUses] = useState('1');
	const [hours, setHours] = useState('24');
	const change = useChange<JoinToken>();
	const bad = Boolean(complain('join_token_request', 'name', name) || complain('join_token_request', 'uses', uses));
	return (
		<Dialog
			title={t('join.create')}
			confirm={t('common.create')}
			busy={change.isPending}
			error={change.error}
			disabled={bad}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					{
						method: 'POST',
						path: '/v1/join-tokens',
						body: { name, uses: Number(uses), expires_at: new Date(Date.now() + Number(hours) * HOUR_MS).toISOString() },
						touches: ['join-tokens'],
					},
					{ onSuccess: onDone },
				)
			}
		>
			<TextField label={t('field.name')} request="join_token_request" name="name" value={name} onChange={setName} required help={t('join.nameHelp')} error={change.error} />
			<TextField label={t('join.uses')} request="join_token_request" name="uses" value={uses} onChange={setUses} required help={t('join.usesHelp')} error={change.error} />
			<SelectField
				label={t('field.expires')}
				request="join_token_request"
				name="expires_at"
				value={hours}
				onChange={setHours}
				options={LIVES.map((each) => ({ value: String(each), label: each < 24 ? t('join.hours', { count: each }) : t('token.days', { count: each / 24 }) }))}
				error={change.error}
			/>
		</Dialog>
	);
}

function Joined({ token }: { token: JoinToken }) {
	const { t } = useWords();
	return (
		<>
			{t('common.of', { part: token.joins.length, whole: token.uses })}
			{token.joins.map((join, index) => (
				<span key={join.uuid ?? index}>
					{' '}
					{join.machine ? <To to={`/machines/${join.machine}`}>{join.uuid ?? join.machine}</To> : join.uuid}
				</span>
			))}
		</>
	);
}

function State({ token }: { token: JoinToken }) {
	const { t } = useWords();
	const now = useNow();
	const why = spent(token, now);
	if (why) return <>{t(`join.${why}`)}</>;
	return <Time at={token.expires_at} />;
}

export default function JoinTokens() {
	const { t } = useWords();
	const columns: Column<JoinToken>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 20, cell: (token) => token.name },
		{ field: 'uses', label: t('join.joined'), width: 24, cell: (token) => <Joined token={token} /> },
		{ field: 'user_name', label: t('field.user'), width: 14, cell: (token) => token.user_name ?? '–' },
		{ field: 'created_at', label: t('field.created'), sort: true, width: 14, cell: (token) => <Time at={token.created_at} ago /> },
		{ field: 'expires_at', label: t('field.expires'), sort: true, width: 16, cell: (token) => <State token={token} /> },
	];
	return (
		<TokenFrame<JoinToken>
			role="admin"
			collection="join-tokens"
			columns={columns}
			actionsWidth={12}
			above={<HowToJoin />}
			beside={<p>{t('join.howType')}</p>}
			dialog={(done, close) => <CreateToken onDone={done} onClose={close} />}
			words={{
				title: t('nav.joinTokens'),
				create: t('join.create'),
				empty: { title: t('join.emptyTitle'), body: t('join.emptyBody') },
				secret: t('join.token'),
				made: ({ name }) => t('join.made', { name }),
				end: t('join.revoke'),
				endOne: ({ name }) => t('join.revokeOne', { name }),
				endTitle: ({ name }) => t('join.revokeTitle', { name }),
				lost: t('join.lost'),
			}}
		/>
	);
}
