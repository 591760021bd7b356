// SPDX-License-Identifier: GPL-3.0-or-later
import { useChange, useFirst } from '../api/queries';
import type { Task } from '../api/types';
import { Button, DrawerPanelContent, Title } from '../pf';
import { Bar, Doing, To } from './parts';
import { FailureLine, ProblemAlert } from './problem-alert';
import { RetryTask } from './retry-task';
import { useMay } from './session';
import { resourceAddress } from './where';
import { TaskLabel, Time, useWords } from './words';

const FAILED_SHOWN = 5;

export function TaskProgress({ task }: { task: Task }) {
	const { action } = useWords();
	return <Bar value={task.state === 'succeeded' ? 100 : task.progress} label={`${action(task.action)} ${task.resource_name ?? ''}`} />;
}

export function CancelTask({ task }: { task: Task }) {
	const { t } = useWords();
	const change = useChange();
	if (!useMay('operator') || task.state !== 'running') return null;
	return (
		<>
			<Button
				variant="secondary"
				size="sm"
				isDisabled={task.cancel || change.isPending}
				aria-label={t('tasks.cancelOne', { name: task.resource_name ?? task.id })}
				onClick={() => change.mutate({ method: 'POST', path: `/v1/tasks/${task.id}/cancel`, touches: [] })}
			>
				{task.cancel ? t('tasks.cancelling') : t('tasks.cancel')}
			</Button>
			<ProblemAlert error={change.error} />
		</>
	);
}

export function TaskTitle({ task }: { task: Task }) {
	const { action } = useWords();
	const where = resourceAddress(task.resource, task.resource_id);
	const name = <bdi>{task.resource_name ?? task.resource_id}</bdi>;
	return (
		<>
			{action(task.action)} {where ? <To to={where}>{name}</To> : name}
		</>
	);
}

/** total: how many run, of which tasks are the first. */
export function TaskDrawer({ tasks, total, onClose }: { tasks: Task[]; total: number; onClose: () => void }) {
	const { t } = useWords();
	const failed = useFirst('tasks', FAILED_SHOWN, { state: 'failed', sort: '-created' });
	return (
		<DrawerPanelContent defaultSize="24rem" className="ingot-drawer" aria-label={t('tasks.drawer')}>
			<div className="ingot-drawer-body">
				<div className="ingot-head">
					<Title headingLevel="h2" size="lg">
						{t('tasks.drawer')}
					</Title>
					<Button variant="link" onClick={onClose}>
						{t('common.close')}
					</Button>
				</div>
				{tasks.length === 0 && <p>{t('tasks.none')}</p>}
				<ul className="ingot-list">
					{tasks.map((task) => (
						<li key={task.id}>
							<strong>
								<TaskTitle task={task} />
							</strong>
							<p>
								<Doing message={task.message} />
							</p>
							<TaskProgress task={task} />
							<CancelTask task={task} />
						</li>
					))}
				</ul>
				{total > tasks.length && (
					<p>
						<To to="/tasks?state=running">{t('overview.more', { count: total - tasks.length })}</To>
					</p>
				)}
				{(failed.data?.items.length ?? 0) > 0 && (
					<>
						<Title headingLevel="h3" size="md">
							{t('tasks.failedLately')}
						</Title>
						<ul className="ingot-list">
							{failed.data?.items.map((task) => (
								<li key={task.id}>
									<TaskLabel state={task.state} /> <TaskTitle task={task} />
									<p>{task.error && <FailureLine error={task.error} />}</p>
									<Time at={task.ended} ago /> <RetryTask task={task} />
								</li>
							))}
						</ul>
					</>
				)}
				<To to="/tasks">{t('tasks.all')}</To>
			</div>
		</DrawerPanelContent>
	);
}
