// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useChange } from '../api/queries';
import type { Role, User } from '../api/types';
import { Button, Checkbox } from '../pf';
import { DangerDialog, Dialog } from '../ui/dialog';
import { SelectField, TextField, useComplaint } from '../ui/field';
import { ForRole } from '../ui/for-role';
import { Screen, Teach } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useSession } from '../ui/session';
import { Time, useWords } from '../ui/words';

export const ROLES = ['viewer', 'operator', 'admin'] as const satisfies readonly Role[];

function UserDialog({ user, onClose }: { user: User | null; onClose: () => void }) {
	const { t, word } = useWords();
	const complain = useComplaint();
	const [name, setName] = useState(user?.name ?? '');
	const [password, setPassword] = useState('');
	const [role, setRole] = useState<Role>(user?.role ?? 'viewer');
	const [disabled, setDisabled] = useState(user?.disabled ?? false);
	const change = useChange<User>();
	const changed = {
		...(role !== user?.role ? { role } : {}),
		...(disabled !== user?.disabled ? { disabled } : {}),
		...(password ? { password, password_change_required: true } : {}),
	};
	const bad = user ? password !== '' && complain('user_request', 'password', password) : (complain('user_request', 'name', name) ?? complain('user_request', 'password', password));
	return (
		<Dialog
			title={user ? t('user.edit', { name: user.name }) : t('user.create')}
			confirm={user ? t('common.save') : t('common.create')}
			busy={change.isPending}
			error={change.error}
			disabled={Boolean(bad) || Object.keys(changed).length === 0}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					user
						? {
								method: 'PATCH',
								path: `/v1/users/${user.id}`,
								body: changed,
								revision: user.revision,
								touches: ['users'],
							}
						: { method: 'POST', path: '/v1/users', body: { name, role, password, password_change_required: true }, touches: ['users'] },
					{ onSuccess: onClose },
				)
			}
		>
			{!user && <TextField label={t('field.name')} request="user_request" name="name" value={name} onChange={setName} required help={t('help.name')} error={change.error} />}
			<SelectField
				label={t('field.role')}
				request="user_request"
				name="role"
				value={role}
				onChange={(value) => setRole(value as Role)}
				options={ROLES.map((each) => ({ value: each, label: word(each) }))}
				help={t(`role.${role}`)}
				error={change.error}
			/>
			<TextField
				label={user ? t('user.newPassword') : t('session.password')}
				request={user ? 'none' : 'user_request'}
				name="password"
				type="password"
				value={password}
				onChange={setPassword}
				autoComplete="new-password"
				required={!user}
				help={t('user.passwordHelp')}
				complaint={user && password ? complain('user_request', 'password', password) : undefined}
				error={change.error}
			/>
			{user && <Checkbox id="user-disabled" label={t('user.disabled')} isChecked={disabled} onChange={(_event, on) => setDisabled(on)} />}
		</Dialog>
	);
}

function UserList() {
	const { t, word } = useWords();
	const { session } = useSession();
	const [editing, setEditing] = useState<User | 'new' | null>(null);
	const [deleting, setDeleting] = useState<User | null>(null);
	const change = useChange();
	const columns: Column<User>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 24, cell: (user) => user.name },
		{ field: 'role', label: t('field.role'), sort: true, width: 16, cell: (user) => word(user.role) },
		{ field: 'disabled', label: t('field.state'), width: 18, cell: (user) => (user.disabled ? t('user.isDisabled') : t('user.isEnabled')) },
		{ field: 'created_at', label: t('field.created'), sort: true, width: 26, cell: (user) => <Time at={user.created_at} /> },
		{
			field: 'actions',
			label: t('field.actions'),
			width: 16,
			cell: (user) => (
				<span className="ingot-actions">
					<Button variant="link" isInline aria-label={t('user.edit', { name: user.name })} onClick={() => setEditing(user)}>
						{t('common.edit')}
					</Button>
					{user.id !== session?.user.id && (
						<Button variant="link" isInline isDanger aria-label={t('common.deleteOne', { name: user.name })} onClick={() => setDeleting(user)}>
							{t('common.delete')}
						</Button>
					)}
				</span>
			),
		},
	];
	return (
		<Screen title={t('nav.users')}>
			<ResourceTable<User>
				label={t('nav.users')}
				path="/v1/users"
				collection="users"
				columns={columns}
				filters={[{ field: 'role', label: t('field.role'), words: ROLES }]}
				defaultSort="name"
				rowName={(user) => user.name}
				actions={<Button onClick={() => setEditing('new')}>{t('user.create')}</Button>}
				empty={<Teach title={t('nav.users')}>{t('users.emptyBody')}</Teach>}
			/>
			{editing && <UserDialog user={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
			{deleting && (
				<DangerDialog
					title={t('user.deleteTitle', { name: deleting.name })}
					confirm={t('common.delete')}
					name={deleting.name}
					lost={<p>{t('user.lost')}</p>}
					busy={change.isPending}
					error={change.error}
					onClose={() => setDeleting(null)}
					onConfirm={() =>
						change.mutate({ method: 'DELETE', path: `/v1/users/${deleting.id}`, touches: ['users', 'tokens'] }, { onSuccess: () => setDeleting(null) })
					}
				/>
			)}
		</Screen>
	);
}

export default function Users() {
	const { t } = useWords();
	return (
		<ForRole role="admin" title={t('nav.users')}>
			<UserList />
		</ForRole>
	);
}
