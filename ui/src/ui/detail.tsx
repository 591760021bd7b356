// SPDX-License-Identifier: GPL-3.0-or-later
// What the page of one thing is made of: the thing is looked for by its address, and which part of the page is open is kept there.
import { Suspense, type ReactNode } from 'react';
import { useParams, useSearchParams } from 'react-router-dom';
import { useOne } from '../api/queries';
import type { Collection, Resources } from '../api/types';
import { Alert, Tab, Tabs, TabTitleText } from '../pf';
import { Bullseye } from './bullseye';
import { Screen } from './parts';
import { ProblemAlert } from './problem-alert';
import { useWords } from './words';

/** The thing that the address names. What is gone is not shown any more; what cannot be read again is, and is said to be old. */
export function Found<K extends Collection>(props: {
	collection: K;
	/** What it is, while there is nothing to show. */
	title: string;
	back: { to: string; label: string };
	refetchInterval?: number;
	children: (one: Resources[K], stale: ReactNode) => ReactNode;
}) {
	const { t } = useWords();
	const { id } = useParams();
	const { data, error } = useOne(props.collection, id, props.refetchInterval);
	if (data && error?.status !== 404) return props.children(data, error && <Alert variant="warning" isInline title={t('common.stale')} />);
	if (!error) return <Bullseye />;
	return (
		<Screen title={props.title} back={props.back}>
			<ProblemAlert error={error} />
		</Screen>
	);
}

export interface Section {
	key: string;
	label: string;
	content: () => ReactNode;
}

/** Tabs. An address may name one that the person or the thing has not: then it is the first. */
export function Sections({ sections }: { sections: [Section, ...Section[]] }) {
	const { t } = useWords();
	const [search, setSearch] = useSearchParams();
	const open = sections.find(({ key }) => key === search.get('tab')) ?? sections[0];
	return (
		<>
			<Tabs activeKey={open.key} aria-label={t('tab.label')} onSelect={(_event, key) => setSearch({ tab: String(key) }, { replace: true })}>
				{sections.map(({ key, label }) => (
					<Tab key={key} eventKey={key} tabContentId="tab-content" title={<TabTitleText>{label}</TabTitleText>} />
				))}
			</Tabs>
			<div className="ingot-tab" id="tab-content" role="tabpanel" aria-label={open.label}>
				<Suspense fallback={<Bullseye />}>{open.content()}</Suspense>
			</div>
		</>
	);
}
