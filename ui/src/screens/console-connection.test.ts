// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import type { Vm } from '../api/types';
import { retryAfter, worthAnotherTry } from './console-connection';
import { lifeOfVm } from './console-life';

it('tries again without end, after growing pauses', () => expect([0, 1, 2, 3, 4, 100].map(retryAfter)).toEqual([1000, 2000, 5000, 10000, 10000, 10000]));

it.each([
	[0, true],
	[429, true],
	[503, true],
	[403, false],
	[404, false],
	[409, false],
])('an answer of %i is worth another try: %s', (status, again) => expect(worthAnotherTry(status)).toBe(again));

it.each([
	['running', 3, '3'],
	['migrating', 3, '3'],
	['stopping', 3, '3'],
	['stopped', 3, ''],
	['failed', 3, ''],
	['starting', 4, ''],
])('a virtual machine that is %s, started %i times', (state, generation, life) => expect(lifeOfVm({ state, generation } as Vm)).toBe(life));
