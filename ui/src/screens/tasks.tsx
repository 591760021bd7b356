// SPDX-License-Identifier: GPL-3.0-or-later
import { useSearchParams } from 'react-router-dom';
import { useOne } from '../api/queries';
import type { Task } from '../api/types';
import { Button, Modal, ModalBody, ModalHeader, ModalVariant } from '../pf';
import { Doing, Facts, Screen, Teach, To } from '../ui/parts';
import { failedKind, FailureLine, ProblemAlert, ResourceError } from '../ui/problem-alert';
import { ResourceTable, type Column } from '../ui/resource-table';
import { RetryTask } from '../ui/retry-task';
import { CancelTask, TaskProgress, TaskTitle } from '../ui/task-drawer';
import { TaskLabel, Time, useWords } from '../ui/words';

const STATES = ['running', 'succeeded', 'failed', 'cancelled'] as const satisfies readonly Task['state'][];

function TaskDetail({ id, onShow }: { id: string; onShow: (id: string | null) => void }) {
	const { t, action, step, duration } = useWords();
	const found = useOne('tasks', id, 1500);
	const task = found.data;
	return (
		<Modal isOpen variant={ModalVariant.medium} onClose={() => onShow(null)} aria-labelledby="task-title">
			<ModalHeader labelId="task-title" title={task ? `${action(task.action)} ${task.resource_name ?? ''}` : t('kind.task')} />
			<ModalBody tabIndex={0}>
				<ProblemAlert error={found.error} />
				{task && (
					<>
						<TaskProgress task={task} />
						<ResourceError error={task.error} title={t(task.state === 'cancelled' ? 'failure.cancelled' : 'tasks.failed')} kind={failedKind(task.resource)} />
						<Facts
							facts={[
								[t('field.state'), <TaskLabel key="s" state={task.state} />],
								[t('field.message'), <Doing key="m" message={task.message} />],
								[t('field.started'), <Time key="c" at={task.created} />],
								[t('field.ended'), <Time key="e" at={task.ended} />],
								[t('field.took'), task.created && task.ended && duration(task.created, task.ended)],
								[t('field.deadline'), <Time key="d" at={task.deadline} />],
							]}
						/>
						{task.retry_of && <p><To to={`/tasks?task=${task.retry_of}`}>{t('tasks.retryOf')}</To></p>}
						{task.retried_by && <p><To to={`/tasks?task=${task.retried_by}`}>{t('tasks.retriedBy')}</To></p>}
						<h3>{t('tasks.steps')}</h3>
						<ol className="ingot-timeline">
							{task.steps.map((each, index) => (
								<li key={index}>
									<Time at={each.started} />
									<span>{step(each.name)}</span>
								</li>
							))}
						</ol>
						<h3>{t('tasks.log')}</h3>
						<pre className="ingot-log" tabIndex={0} aria-label={t('tasks.log')}>
							{task.log.join('\n')}
						</pre>
						<CancelTask task={task} />
						<RetryTask task={task} onDone={(again) => onShow(again.id)} />
					</>
				)}
			</ModalBody>
		</Modal>
	);
}

export default function Tasks() {
	const { t } = useWords();
	const [search, setSearch] = useSearchParams();
	const open = search.get('task');
	const show = (id: string | null) =>
		setSearch(
			(old) => {
				const next = new URLSearchParams(old);
				if (id) next.set('task', id);
				else next.delete('task');
				return next;
			},
			{ replace: true },
		);
	const columns: Column<Task>[] = [
		{ field: 'action', label: t('field.action'), sort: true, width: 28, cell: (task) => <TaskTitle task={task} /> },
		{ field: 'state', label: t('field.state'), sort: true, width: 13, cell: (task) => <TaskLabel state={task.state} /> },
		{ field: 'progress', label: t('field.progress'), width: 14, cell: (task) => <TaskProgress task={task} /> },
		{ field: 'message', label: t('field.message'), width: 21, cell: (task) => (task.error ? <FailureLine error={task.error} /> : <Doing message={task.message} />) },
		{ field: 'created', label: t('field.started'), sort: true, width: 14, cell: (task) => <Time at={task.created} ago /> },
		{
			field: 'show',
			label: t('field.actions'),
			width: 10,
			cell: (task) => (
				<Button variant="link" isInline aria-label={t('tasks.showOne', { name: task.resource_name ?? task.id })} onClick={() => show(task.id)}>
					{t('tasks.show')}
				</Button>
			),
		},
	];
	return (
		<Screen title={t('nav.tasks')}>
			<ResourceTable<Task>
				label={t('nav.tasks')}
				path="/v1/tasks"
				collection="tasks"
				columns={columns}
				filters={[{ field: 'state', label: t('field.state'), words: STATES }]}
				defaultSort="-created"
				rowName={(task) => task.resource_name ?? task.id}
				empty={<Teach title={t('tasks.emptyTitle')}>{t('tasks.emptyBody')}</Teach>}
			/>
			{open && <TaskDetail key={open} id={open} onShow={show} />}
		</Screen>
	);
}
