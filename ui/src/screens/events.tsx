// SPDX-License-Identifier: GPL-3.0-or-later
import { memo } from 'react';
import { useSearchParams } from 'react-router-dom';
import { useEvents } from '../api/queries';
import type { Event } from '../api/types';
import { Button, FormSelect, FormSelectOption, Toolbar, ToolbarContent, ToolbarItem } from '../pf';
import { Bullseye } from '../ui/bullseye';
import { Screen, Teach, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { resourceAddress } from '../ui/where';
import { Time, useWords } from '../ui/words';

/** What events are about. */
const KINDS = ['machine', 'bmc_range', 'node', 'pool', 'volume', 'image', 'network', 'vm', 'user', 'token', 'join_token', 'provisioner'];

/** Drawn once: an event does not change, and there may be many below those that come. */
const EventLine = memo(function EventLine({ event }: { event: Event }) {
	const { kind, event: say } = useWords();
	const where = resourceAddress(event.resource, event.resource_id);
	const name = <bdi>{event.resource_name ?? event.resource_id}</bdi>;
	return (
		<li data-event={event.id}>
			<Time at={event.time} />
			<span>
				{kind(event.resource)} {where ? <To to={where}>{name}</To> : name} · <bdi>{say(event)}</bdi>
			</span>
		</li>
	);
});

export function EventList({ events }: { events: Event[] }) {
	return (
		<ol className="ingot-timeline">
			{events.map((event) => (
				<EventLine key={event.id} event={event} />
			))}
		</ol>
	);
}

function KindFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
	const { t, kind } = useWords();
	return (
		<Toolbar className="ingot-toolbar">
			<ToolbarContent>
				<ToolbarItem>
					<FormSelect aria-label={t('table.filter', { field: t('field.kind') })} value={value} onChange={(_event, next) => onChange(next)}>
						<FormSelectOption value="" label={t('table.any', { field: t('field.kind') })} />
						{KINDS.map((each) => (
							<FormSelectOption key={each} value={each} label={kind(each)} />
						))}
					</FormSelect>
				</ToolbarItem>
			</ToolbarContent>
		</Toolbar>
	);
}

export default function Events() {
	const { t } = useWords();
	const [search, setSearch] = useSearchParams();
	const resource = search.get('resource') ?? '';
	const { data: events, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useEvents({ resource });
	return (
		<Screen title={t('nav.events')}>
			<KindFilter value={resource} onChange={(value) => setSearch(value ? { resource: value } : {}, { replace: true })} />
			<ProblemAlert error={error} />
			{isPending && <Bullseye />}
			{events?.length === 0 && (resource ? <p>{t('events.emptyHere')}</p> : <Teach title={t('events.emptyTitle')}>{t('events.emptyBody')}</Teach>)}
			{events && events.length > 0 && (
				<>
					<p className="ingot-note">{t('events.shown', { count: events.length })}</p>
					<EventList events={events} />
				</>
			)}
			{hasNextPage && (
				<Button variant="secondary" isLoading={isFetchingNextPage} isDisabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
					{t('events.earlier')}
				</Button>
			)}
		</Screen>
	);
}
