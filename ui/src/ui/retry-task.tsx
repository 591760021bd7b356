// SPDX-License-Identifier: GPL-3.0-or-later
// A task that failed or was cancelled, asked for once more. What destroys something says so again, and asks for the name again.
import { useState } from 'react';
import { useChange, useFirst, useOne } from '../api/queries';
import type { Machine, Task } from '../api/types';
import type { Key } from '../i18n';
import { Button } from '../pf';
import { CutOff } from './cut-off';
import { DangerDialog } from './dialog';
import { Foreign } from './parts';
import { ProblemAlert } from './problem-alert';
import { useMay } from './session';
import { diskName } from './system-disk';
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

/** The disk that a deploy was asked to write, as far as the machine has told of it; null: it is not of those that it has now. */
export function diskOfOrder(task: Task, machine: Machine | undefined) {
	const name = orderOf(task, 'disk');
	return (name && machine?.inventory?.disks?.find((disk) => disk.serial === name || disk.wwn === name)) || null;
}

function orderOf(task: Task, field: string): string | null {
	const order: unknown = task.order;
	const value: unknown = order && typeof order === 'object' ? (order as Record<string, unknown>)[field] : null;
	return typeof value === 'string' ? value : null;
}

/** What is lost, by the name of the thing that loses it. */
function Lost({ task, lost }: { task: Task; lost: Key }) {
	const { t, bytes } = useWords();
	const machine = useOne('machines', task.resource === 'machine' ? task.resource_id : null);
	const disk = diskOfOrder(task, machine.data);
	const name = orderOf(task, 'disk');
	if (task.action === 'machine.power' && machine.data?.node) return <CutOff node={machine.data.node} />;
	if (task.action !== 'machine.deploy' || !name) return <p>{t(lost)}</p>;
	return (
		<>
			<p>
				<Foreign text={name} /> · {bytes(disk?.size_bytes)} · <Foreign text={disk?.model} />
			</p>
			<p className="ingot-lost">{t('machine.deployLostDisk', { disk: disk ? diskName(disk) : name, size: bytes(disk?.size_bytes) })}</p>
			<ProblemAlert error={machine.error} />
		</>
	);
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
					lost={<Lost task={task} lost={lost} />}
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
