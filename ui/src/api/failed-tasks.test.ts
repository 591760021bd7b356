// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readUnmended, type Told } from './failed-tasks';
import type { Task } from './types';

const NOW = Date.UTC(2026, 0, 2);
const ago = (minutes: number) => new Date(NOW - minutes * 60000).toISOString();
const failed = (id: string, over: Partial<Task> = {}) =>
	({ id, action: 'volume.create', resource: 'volume', resource_id: `of-${id}`, state: 'failed', ended: ago(1), retried_by: null, ...over }) as Task;
const NOBODY: Told = { said: new Set(), vms: new Set() };

let asked: URL[] = [];
/** A server with these tasks that failed, the newest first, and for resources in later the last task of each. */
function serve(tasks: Task[], later: Record<string, string> = {}) {
	vi.stubGlobal('fetch', async (address: string) => {
		const url = new URL(address, 'https://x');
		asked.push(url);
		const { resource_id: of, limit, cursor } = Object.fromEntries(url.searchParams) as Record<string, string | undefined>;
		if (of) {
			const own = tasks.find((task) => task.resource_id === of);
			return new Response(JSON.stringify({ items: [{ id: later[of] ?? own?.id }], next: null }));
		}
		const from = Number(cursor ?? 0);
		const end = from + Number(limit);
		return new Response(JSON.stringify({ items: tasks.slice(from, end), next: end < tasks.length ? String(end) : null }));
	});
}
const read = async (told = NOBODY, mended = new Set<string>()) => (await readUnmended(told, NOW, mended, new AbortController().signal)).map((task) => task.id);

beforeEach(() => (asked = []));
afterEach(() => vi.unstubAllGlobals());

it('asks one short question when nothing failed today', async () => {
	serve([failed('old', { ended: ago(24 * 60) })]);
	expect(await read()).toEqual([]);
	expect(asked.map((url) => url.search)).toEqual(['?state=failed&sort=-ended&limit=20']);
});

it('finds what failed, was not tried again, and was not done by a later task', async () => {
	serve([failed('a'), failed('b', { retried_by: 'z' }), failed('c'), failed('d')], { 'of-c': 'later' });
	expect(await read()).toEqual(['a', 'd']);
	expect(asked.map((url) => url.searchParams.get('resource_id'))).toEqual([null, 'of-a', 'of-c', 'of-d']);
	expect(asked[1]?.search).toBe('?resource_id=of-a&action=volume.create&sort=-created&limit=1');
});

it('leaves out what its resource tells, and what is over with its virtual machine', async () => {
	serve([failed('a'), failed('b', { resource: 'vm', resource_id: 'v1' }), failed('c', { resource: 'vm', resource_id: 'v2' })]);
	expect(await read({ said: new Set(['of-a']), vms: new Set(['v1']) })).toEqual(['b']);
});

it('does not ask again after what was made good', async () => {
	serve([failed('a'), failed('b')], { 'of-a': 'later' });
	const mended = new Set<string>();
	expect(await read(NOBODY, mended)).toEqual(['b']);
	asked = [];
	expect(await read(NOBODY, mended)).toEqual(['b']);
	expect(asked.map((url) => url.searchParams.get('resource_id'))).toEqual([null, 'of-b']);
});

it('finds one behind many that were tried again, and stops where there is more than can be looked at', async () => {
	serve([...Array.from({ length: 230 }, (_, n) => failed(`r${n}`, { retried_by: 'z' })), failed('behind')]);
	expect(await read()).toEqual(['behind']);
	serve(Array.from({ length: 50 }, (_, n) => failed(`f${n}`)));
	expect(await read()).toHaveLength(20);
});
