// SPDX-License-Identifier: GPL-3.0-or-later
// A screen of tokens of some kind: they are made in a dialog, shown once, and taken back by their name.
import { useState, type ReactNode } from 'react';
import { useChange } from '../api/queries';
import type { Role } from '../api/types';
import { Button } from '../pf';
import { DangerDialog } from './dialog';
import { ForRole } from './for-role';
import { Screen, Teach } from './parts';
import { ResourceTable, type Column } from './resource-table';
import { ShownOnce } from './shown-once';
import { useWords } from './words';

interface AnyToken {
	id: string;
	name: string;
	/** Only when it was just made. */
	token?: string | null;
}

export interface TokenFrameWords<T> {
	title: string;
	create: string;
	empty: { title: string; body: string };
	/** Of the secret that is shown. */
	secret: string;
	made: (token: T) => string;
	end: string;
	endOne: (token: T) => string;
	endTitle: (token: T) => string;
	lost: string;
}

interface TokenFrameProps<T> {
	/** Whoever may make them. */
	role: Role;
	words: TokenFrameWords<T>;
	/** As it is in the API's addresses. */
	collection: string;
	columns: Column<T>[];
	actionsWidth: number;
	dialog: (done: (made: T) => void, close: () => void) => ReactNode;
	/** What is said above the table, and beside a new secret. */
	above?: ReactNode;
	beside?: ReactNode;
}

export function TokenFrame<T extends AnyToken>(props: TokenFrameProps<T>) {
	return (
		<ForRole role={props.role} title={props.words.title}>
			<Frame {...props} />
		</ForRole>
	);
}

function Frame<T extends AnyToken>(props: TokenFrameProps<T>) {
	const { t } = useWords();
	const { words, collection } = props;
	const path = `/v1/${collection}`;
	const [creating, setCreating] = useState(false);
	const [made, setMade] = useState<T | null>(null);
	const [ending, setEnding] = useState<T | null>(null);
	const change = useChange();
	const actions: Column<T> = {
		field: 'actions',
		label: t('field.actions'),
		width: props.actionsWidth,
		cell: (token) => (
			<Button variant="link" isInline isDanger aria-label={words.endOne(token)} onClick={() => setEnding(token)}>
				{words.end}
			</Button>
		),
	};
	const done = (token: T) => {
		setCreating(false);
		setMade(token);
	};
	return (
		<Screen title={words.title}>
			{props.above}
			<ResourceTable<T>
				label={words.title}
				path={path}
				collection={collection}
				columns={[...props.columns, actions]}
				defaultSort="name"
				rowName={(token) => token.name}
				actions={<Button onClick={() => setCreating(true)}>{words.create}</Button>}
				empty={<Teach title={words.empty.title}>{words.empty.body}</Teach>}
			/>
			{creating && props.dialog(done, () => setCreating(false))}
			{made && (
				<ShownOnce title={words.made(made)} label={words.secret} secret={made.token ?? ''} onClose={() => setMade(null)}>
					{props.beside}
				</ShownOnce>
			)}
			{ending && (
				<DangerDialog
					title={words.endTitle(ending)}
					confirm={words.end}
					name={ending.name}
					lost={<p>{words.lost}</p>}
					busy={change.isPending}
					error={change.error}
					onClose={() => setEnding(null)}
					onConfirm={() => change.mutate({ method: 'DELETE', path: `${path}/${ending.id}`, touches: [collection] }, { onSuccess: () => setEnding(null) })}
				/>
			)}
		</Screen>
	);
}
