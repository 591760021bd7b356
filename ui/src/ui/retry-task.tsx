// SPDX-License-Identifier: GPL-3.0-or-later
// A task that failed or was cancelled, asked for once more. What destroys something says so again, and asks for the name again.
import { useState } from 'react';
import { useChange, useFirst } from '../api/queries';
import type { Task } from '../api/types';
import type { Key } from '../i18n';
import { Button } from '../pf';
import { DangerDialog } from './dialog';
import { ProblemAlert } from './problem-alert';
import { useMay } from './session';
import { useWords } from './words';

const LOST: Partial<Record<string, Key>> = {
	'image.delete': 'image.lost',
	'machine.deploy': 'machine.deployLost',
	'machine.power': 'machine.powerLost',
	'vm.delete': 'tasks.lostVm',
	'vm.stop': 'vm.stopLost',
	'volume.delete': 'tasks.lostVolume',
};

/** What is lost if it is done; null: nothing. */
export function lostByRetry(task: Task): Key | null {
	if (task.action === 'machine.power' && task.steps.some((step) => step.name === 'power-on')) return null;
	return LOST[task.action ?? ''] ?? null;
}

export function canRetry(task: Task): boolean {
	// The content of an image is not kept: it is sent again, on its own screen.
	return (task.state === 'failed' || task.state === 'cancelled') && !task.retried_by && task.action !== 'image.import';
}

export function RetryTask({ task, onDone }: { task: Task; onDone?: (again: Task) => void }) {
	const { t, action } = useWords();
	const [asking, setAsking] = useState(false);
	const change = useChange<Task>();
	if (!useMay('operator') || !canRetry(task)) return null;
	const name = task.resource_name ?? task.id;
	const lost = lostByRetry(task);
	const retry = () =>
		change.mutate(
			{ method: 'POST', path: `/v1/tasks/${task.id}/retry`, touches: [] },
			{
				onSuccess: (again) => {
					setAsking(false);
					onDone?.(again);
				},
			},
		);
	return (
		<>
			<Button
				variant="secondary"
				size="sm"
				isDisabled={change.isPending}
				aria-label={t('tasks.retryOne', { name })}
				onClick={() => (lost ? setAsking(true) : retry())}
			>
				{t('common.again')}
			</Button>
			{asking && lost ? (
				<DangerDialog
					title={t('tasks.retryTitle', { action: action(task.action), name })}
					confirm={t('common.again')}
					name={name}
					lost={<p>{t(lost)}</p>}
					busy={change.isPending}
					error={change.error}
					onClose={() => {
						setAsking(false);
						change.reset();
					}}
					onConfirm={retry}
				/>
			) : (
				<ProblemAlert error={change.error} />
			)}
		</>
	);
}

/** For a thing that has failed: its last task once more, if it was that which failed. */
export function RetryLast({ id }: { id: string }) {
	const last = useFirst('tasks', 1, { resource_id: id, sort: '-created' });
	const task = last.data?.items[0];
	return task ? <RetryTask task={task} /> : null;
}
