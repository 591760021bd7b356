// SPDX-License-Identifier: GPL-3.0-or-later
// One line of time for a resource: its events, and the steps and logs of its tasks.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Event, Page, Task } from '../api/types';
import { TaskTitle } from '../ui/task-drawer';
import { TaskLabel, Time, useWords } from '../ui/words';

export type Moment = { at: string; key: string } & ({ event: Event } | { task: Task } | { step: string; task: Task; ended: string | null });

export function momentsOf(events: Event[], tasks: Task[]): Moment[] {
	const moments: Moment[] = events.filter((event) => event.time).map((event) => ({ at: event.time ?? '', key: `e${event.id}`, event }));
	for (const task of tasks) {
		if (task.created) moments.push({ at: task.created, key: `t${task.id}`, task });
		task.steps.forEach((step, index) => {
			if (step.started) moments.push({ at: step.started, key: `s${task.id}-${index}`, step: step.name ?? '', task, ended: step.ended });
		});
	}
	return moments.sort((a, b) => b.at.localeCompare(a.at));
}

export function Timeline({ collection, kind, id }: { collection: string; kind: string; id: string }) {
	const { t, step, event } = useWords();
	const events = useQuery({
		queryKey: ['events', kind, id],
		queryFn: async ({ signal }) => {
			return (await get<Page<Event>>('/v1/events', { resource_id: id }, signal)).items;
		},
	});
	const tasks = useQuery({
		queryKey: ['tasks', collection, id],
		queryFn: async ({ signal }) => (await get<Page<Task>>('/v1/tasks', { resource_id: id, limit: 100 }, signal)).items.filter((task) => task.resource_id === id),
		refetchInterval: 5000,
	});
	const moments = momentsOf(events.data ?? [], tasks.data ?? []);
	if (moments.length === 0) return <p>{t('timeline.empty')}</p>;
	return (
		<ol className="ingot-timeline">
			{moments.map((moment) => (
				<li key={moment.key}>
					<Time at={moment.at} />
					<span>
						{'event' in moment && <bdi>{event(moment.event)}</bdi>}
						{'step' in moment && t('timeline.step', { step: step(moment.step) })}
						{!('event' in moment) && !('step' in moment) && (
							<>
								<TaskLabel state={moment.task.state} /> <TaskTitle task={moment.task} />
								{moment.task.error && <span className="ingot-lost"> {moment.task.error.text}</span>}
							</>
						)}
					</span>
				</li>
			))}
		</ol>
	);
}
