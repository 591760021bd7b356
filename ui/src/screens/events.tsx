// SPDX-License-Identifier: GPL-3.0-or-later
import { useEvents } from '../api/queries';
import type { Event } from '../api/types';
import { Bullseye } from '../ui/bullseye';
import { Screen, Teach, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { resourceAddress } from '../ui/where';
import { Time, useWords } from '../ui/words';

export function EventList({ events }: { events: Event[] }) {
	const { kind, event: say } = useWords();
	return (
		<ol className="ingot-timeline">
			{events.map((event) => {
				const where = resourceAddress(event.resource, event.resource_id);
				const name = <bdi>{event.resource_name ?? event.resource_id}</bdi>;
				return (
					<li key={event.id}>
						<Time at={event.time} />
						<span>
							{kind(event.resource)} {where ? <To to={where}>{name}</To> : name} · <bdi>{say(event)}</bdi>
						</span>
					</li>
				);
			})}
		</ol>
	);
}

export default function Events() {
	const { t } = useWords();
	const events = useEvents();
	return (
		<Screen title={t('nav.events')}>
			<ProblemAlert error={events.error} />
			{events.isPending && <Bullseye />}
			{events.data?.length === 0 && <Teach title={t('events.emptyTitle')}>{t('events.emptyBody')}</Teach>}
			{events.data && events.data.length > 0 && (
				<>
					<p className="ingot-note">{t('events.last', { count: events.data.length })}</p>
					<EventList events={events.data} />
				</>
			)}
		</Screen>
	);
}
