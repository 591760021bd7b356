// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import type { Machine, Task } from '../api/types';
import { canRetry, diskOfOrder, lostByRetry } from './retry-task';

const task = (fields: Partial<Task>): Task => ({ id: '1', state: 'failed', action: 'vm.start', steps: [], log: [], retried_by: null, ...fields }) as Task;

it('offers what failed or was cancelled, once', () => {
	expect(canRetry(task({}))).toBe(true);
	expect(canRetry(task({ state: 'cancelled' }))).toBe(true);
	expect(canRetry(task({ state: 'running' }))).toBe(false);
	expect(canRetry(task({ state: 'succeeded' }))).toBe(false);
	expect(canRetry(task({ retried_by: '2' }))).toBe(false);
	expect(canRetry(task({ action: 'image.import' }))).toBe(false);
});

it('knows what destroys something', () => {
	expect(lostByRetry(task({}))).toBeNull();
	expect(lostByRetry(task({ action: 'volume.create' }))).toBeNull();
	for (const action of ['machine.deploy', 'vm.delete', 'vm.stop', 'volume.delete', 'image.delete']) expect(lostByRetry(task({ action }))).not.toBeNull();
	const step = (name: string) => [{ name, started: null, ended: null }] as Task['steps'];
	expect(lostByRetry(task({ action: 'machine.power', steps: step('power-on') }))).toBeNull();
	expect(lostByRetry(task({ action: 'machine.power', steps: step('power-cycle') }))).toBe('machine.powerLost');
});

it('finds the disk that the task was given, by either of its names', () => {
	const disks = [{ serial: 'A', wwn: null, size_bytes: 1 }, { serial: 'B', wwn: 'W', size_bytes: 2 }];
	const machine = { inventory: { disks } } as unknown as Machine;
	const size = (order: unknown) => diskOfOrder(task({ action: 'machine.deploy', order } as Partial<Task>), machine)?.size_bytes;
	expect([size({ disk: 'A' }), size({ disk: 'W' }), size({ disk: 'gone' }), size(null)]).toEqual([1, 2, undefined, undefined]);
	expect(diskOfOrder(task({ order: { disk: 'A' } } as Partial<Task>), undefined)).toBeNull();
});
