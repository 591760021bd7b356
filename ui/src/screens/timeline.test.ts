// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import type { Event, Task } from '../api/types';
import { momentsOf, type Moment } from './timeline';

const at = (second: number) => `2026-01-02T03:04:${String(second).padStart(2, '0')}.000Z`;
const event = (id: string, second: number) => ({ id, time: at(second) }) as Event;
const task = {
	id: 'a',
	created: at(10),
	steps: [{ name: 'booting', started: at(12), ended: at(20) }, { name: 'never', started: null, ended: null }],
	log: [`${at(15)} installer: write`, 'no time', `${at(16)} two\nlines`],
} as unknown as Task;
const keys = (moments: Moment[]) => moments.map(({ key }) => key);

it('merges events, tasks, their steps and the lines of their logs, the newest first', () => {
	const moments = momentsOf([event('1', 11), event('2', 17), { id: '3', time: null } as Event], [task]);
	expect(keys(moments)).toEqual(['e2', 'la-2', 'la-0', 'sa-0', 'e1', 'ta']);
	expect(moments.flatMap((each) => ('line' in each ? [each.line] : []))).toEqual(['two\nlines', 'installer: write']);
});

it('shows nothing of a time of which not everything was read', () => {
	expect(keys(momentsOf([event('1', 14)], [task], at(14)))).toEqual(['la-2', 'la-0', 'e1']);
});
