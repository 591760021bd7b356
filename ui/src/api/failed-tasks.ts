// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks that failed lately and have not been made good: tried again, done by a later task, or said of the resource itself. The server is
// asked for those that failed, and for each of them whether a later one did the same: not for all tasks, most of which succeed.
import { useQuery } from '@tanstack/react-query';
import { get } from './client';
import type { Machine, Page, Task, Vm } from './types';

/** A task that failed is news for a day; then it is history, which the list of tasks has. */
const NEWS_MS = 24 * 3600000;
const PAGE = 20;
/** Of the further pages: there is more of it than there mostly is. */
const NEXT_PAGE = 200;
/** More than this is more to do than to look at an overview: the rest is not asked after. */
const FOUND_MAX = 20;

export interface Told {
	/** Resources that failed, and say so themselves. */
	said: ReadonlySet<string>;
	/** Virtual machines that there are: what happened to another one is over. */
	vms: ReadonlySet<string>;
}

export const toldBy = (machines: Machine[], vms: Vm[]): Told => ({
	said: new Set([...machines, ...vms].filter((each) => each.state === 'failed').map((each) => each.id)),
	vms: new Set(vms.map((each) => each.id)),
});
const isTold = ({ said, vms }: Told, task: Task) => said.has(task.resource_id ?? '') || (task.resource === 'vm' && !vms.has(task.resource_id ?? ''));
/** Without those that their resources tell of by now, or that are over with them. */
export const untold = (tasks: Task[], told: Told) => tasks.filter((task) => !isTold(told, task));

/** Tasks that a later one has done, which stays so. */
export type Mended = Set<string>;

async function isLast(task: Task, signal: AbortSignal): Promise<boolean> {
	const query = { resource_id: task.resource_id, action: task.action, sort: '-created', limit: 1 };
	const page = await get<Page<Task>>('/v1/tasks', query, signal);
	return (page.items[0]?.id ?? task.id) === task.id;
}

/** Those of them that are news at now (ms since 1970), the newest first. mended: what is known, and gets longer. */
export async function readUnmended(told: Told, now: number, mended: Mended, signal: AbortSignal): Promise<Task[]> {
	const found: Task[] = [];
	let cursor: string | null = null;
	do {
		const page: Page<Task> = await get('/v1/tasks', { state: 'failed', sort: '-ended', limit: cursor ? NEXT_PAGE : PAGE, cursor }, signal);
		for (const task of page.items) {
			if (now - Date.parse(task.ended ?? '') >= NEWS_MS || found.length >= FOUND_MAX) return found;
			if (task.retried_by || mended.has(task.id) || isTold(told, task)) continue;
			if (await isLast(task, signal)) found.push(task);
			else mended.add(task.id);
		}
		cursor = page.next;
	} while (cursor);
	return found;
}

const mendedHere: Mended = new Set();

/** What is not there yet is waited for: machines, those that failed at least; vms, all. */
export function useUnmended(machines: Machine[] | undefined, vms: Vm[] | undefined) {
	return useQuery({
		queryKey: ['tasks', 'unmended'],
		queryFn: ({ signal }) => readUnmended(toldBy(machines ?? [], vms ?? []), Date.now(), mendedHere, signal),
		enabled: Boolean(machines && vms),
	});
}
