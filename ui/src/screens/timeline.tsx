// SPDX-License-Identifier: GPL-3.0-or-later
// One line of time for a resource: its events, and the steps and logs of its tasks.
import { useEvents, usePages } from '../api/queries';
import type { Event, Task } from '../api/types';
import { Button } from '../pf';
import { Bullseye } from '../ui/bullseye';
import { Quote } from '../ui/parts';
import { FailureLine, ProblemAlert } from '../ui/problem-alert';
import { TaskTitle } from '../ui/task-drawer';
import { TaskLabel, Time, useWords } from '../ui/words';

export type Moment = { at: string; key: string } & ({ event: Event } | { task: Task } | { step: string; task: Task } | { line: string });

const LOOK_MS = 5000;
/** A line of a log begins with its time. */
const LINE = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/s;

function momentsOfTask(task: Task): Moment[] {
	const moments: Moment[] = task.created ? [{ at: task.created, key: `t${task.id}`, task }] : [];
	task.steps.forEach((step, index) => {
		if (step.started) moments.push({ at: step.started, key: `s${task.id}-${index}`, step: step.name ?? '', task });
	});
	task.log.forEach((text, index) => {
		const [, at, line] = LINE.exec(text) ?? [];
		if (at && line) moments.push({ at, key: `l${task.id}-${index}`, line });
	});
	return moments;
}

/** The newest first. What was before since is left out: some of it has not been read yet, and a line of time has no holes. */
export function momentsOf(events: Event[], tasks: Task[], since = ''): Moment[] {
	const moments: Moment[] = events.map((event) => ({ at: event.time ?? '', key: `e${event.id}`, event }));
	return [...moments, ...tasks.flatMap(momentsOfTask)].filter(({ at }) => at !== '' && at >= since).sort((a, b) => b.at.localeCompare(a.at));
}

function Said({ moment }: { moment: Moment }) {
	const { t, step, event } = useWords();
	if ('event' in moment) return <bdi>{event(moment.event)}</bdi>;
	if ('step' in moment) return t('timeline.step', { step: step(moment.step) });
	if ('line' in moment)
		return (
			<>
				{t('timeline.log')} <Quote text={moment.line} />
			</>
		);
	return (
		<>
			<TaskLabel state={moment.task.state} /> <TaskTitle task={moment.task} />
			{moment.task.error && (
				<span className="ingot-lost">
					{' '}
					<FailureLine error={moment.task.error} />
				</span>
			)}
		</>
	);
}

export function Timeline({ id }: { id: string }) {
	const { t } = useWords();
	const events = useEvents({ resource_id: id });
	const pages = usePages<Task>('/v1/tasks', 'tasks', { resource_id: id, sort: '-created' }, LOOK_MS);
	const tasks = pages.data?.pages.flatMap((page) => page.items) ?? [];
	const unread = [
		{ list: events, before: events.data?.at(-1)?.time ?? '' },
		{ list: pages, before: tasks.at(-1)?.created ?? '' },
	].filter(({ list }) => list.hasNextPage);
	const since = unread.map(({ before }) => before).sort().at(-1);
	const moments = momentsOf(events.data ?? [], tasks, since);
	const busy = unread.some(({ list }) => list.isFetchingNextPage);
	// Of which the least was read: each page of it brings something to light.
	const readOn = () => unread.filter(({ before }) => before === since).forEach(({ list }) => void list.fetchNextPage());
	const error = events.error ?? pages.error;
	// One without the other would have holes.
	if (!error && (events.isPending || pages.isPending)) return <Bullseye />;
	return (
		<>
			<ProblemAlert error={error} />
			{moments.length === 0 && events.data && pages.data && <p>{t('timeline.empty')}</p>}
			<ol className="ingot-timeline">
				{moments.map((moment) => (
					<li key={moment.key}>
						<Time at={moment.at} />
						<span>
							<Said moment={moment} />
						</span>
					</li>
				))}
			</ol>
			{unread.length > 0 && (
				<Button variant="secondary" isLoading={busy} isDisabled={busy} onClick={readOn}>
					{t('events.earlier')}
				</Button>
			)}
		</>
	);
}
