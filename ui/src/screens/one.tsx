// SPDX-License-Identifier: GPL-3.0-or-later
// The page of one thing that a person has made: its state and name, what failed last, its summary, its timeline.
import type { ReactNode } from 'react';
import type { Resources } from '../api/types';
import { Found, Sections, type Section } from '../ui/detail';
import { Screen } from '../ui/parts';
import { ResourceError, type FailedKind } from '../ui/problem-alert';
import { StateLabel, useWords } from '../ui/words';
import { Timeline } from './timeline';

export function OnePage<K extends 'images' | 'volumes' | 'vms'>(props: {
	collection: K;
	kind: FailedKind & ('image' | 'volume' | 'vm');
	/** What its error means. */
	failed: string;
	refetchInterval: number;
	actions: (one: Resources[K]) => ReactNode;
	/** Above the sections. */
	above?: (one: Resources[K]) => ReactNode;
	summary: (one: Resources[K]) => ReactNode;
	more?: (one: Resources[K]) => Section[];
}) {
	const { t } = useWords();
	const back = { to: `/${props.collection}`, label: t(`nav.${props.collection}`) };
	return (
		<Found collection={props.collection} title={t(`kind.${props.kind}`)} back={back} refetchInterval={props.refetchInterval}>
			{(one, stale) => (
				<Screen title={one.name} back={back} state={<StateLabel state={one.state} />} actions={props.actions(one)}>
					<ResourceError error={one.error} title={props.failed} kind={props.kind} />
					{stale}
					{props.above?.(one)}
					<Sections
						sections={[
							{ key: 'summary', label: t('tab.summary'), content: () => props.summary(one) },
							{ key: 'timeline', label: t('tab.timeline'), content: () => <Timeline id={one.id} /> },
							...(props.more?.(one) ?? []),
						]}
					/>
				</Screen>
			)}
		</Found>
	);
}
