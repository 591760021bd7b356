// SPDX-License-Identifier: GPL-3.0-or-later
// Who uses a thing: some of them by name, and how many more there are.
import { useFirst } from '../api/queries';
import type { Image, Vm, Volume } from '../api/types';
import { To } from './parts';
import { ProblemAlert } from './problem-alert';
import { StateLabel, useWords } from './words';

const NAMED = 3;
const LISTED = 20;

type User = Vm | Volume | Image;
export interface Users {
	collection: 'vms' | 'volumes' | 'images';
	/** Which of them. */
	query: Record<string, string>;
}

export function useUsers({ collection, query }: Users, limit = NAMED) {
	const { data, error } = useFirst(collection, limit, { ...query, sort: 'name' });
	const items: User[] = data?.items ?? [];
	return { items, total: data?.total ?? items.length, known: data !== undefined, error };
}

/** In a line. */
export function UsedBy(users: Users) {
	const { t } = useWords();
	const { items, total } = useUsers(users);
	if (items.length === 0) return '–';
	return (
		<>
			{items.map((user, index) => (
				<span key={user.id}>
					{index > 0 && ', '}
					<To to={`/${users.collection}/${user.id}`}>{user.name}</To>
				</span>
			))}
			{total > items.length && ` ${t('overview.more', { count: total - items.length })}`}
		</>
	);
}

/** As a list, with the state of each. none: what is said if there are none. */
export function UserList({ none, ...users }: Users & { none: string }) {
	const { t } = useWords();
	const { items, total, known, error } = useUsers(users, LISTED);
	if (error && !known) return <ProblemAlert error={error} />;
	if (known && items.length === 0) return <p>{none}</p>;
	return (
		<>
			<ul className="ingot-list">
				{items.map((user) => (
					<li key={user.id}>
						<To to={`/${users.collection}/${user.id}`}>{user.name}</To> <StateLabel state={user.state} />
					</li>
				))}
			</ul>
			{total > items.length && <p>{t('overview.more', { count: total - items.length })}</p>}
		</>
	);
}
