// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import { DAY_MS, FULL_RATIO, forecastOf, type Point } from './forecast';
import { aheadOf, curvesOf, dailyOf } from './pool-curves';

const HOUR_MS = 3600000;
const GIB = 1024 ** 3;
const BEGAN_MS = new Date(2026, 0, 1).getTime();
const at = (hour: number, used: number): Point => ({ atMs: BEGAN_MS + hour * HOUR_MS, used: used * GIB, total: 100 * GIB });
const hourly = (hours: number, used: (hour: number) => number) => Array.from({ length: hours + 1 }, (_each, hour) => at(hour, used(hour)));
const aheadFrom = (points: Point[]) => aheadOf(points, forecastOf(points));

it('ends where it is full', () => {
	// 40 GiB after ten days of 2 GiB: 55 more are 27.5 days, but no further than twice of what is known.
	const ten = hourly(240, (hour) => 20 + hour / 12);
	expect(aheadFrom(ten)).toHaveLength(20);
	expect((aheadFrom(ten).at(-1)?.used ?? 0) / GIB).toBeCloseTo(80, 6);
	const twenty = hourly(480, (hour) => 20 + hour / 12);
	const last = aheadFrom(twenty).at(-1);
	expect((last?.used ?? 0) / GIB).toBeCloseTo(95, 6);
	expect(((last?.atMs ?? 0) - BEGAN_MS) / DAY_MS).toBeCloseTo(37.5, 6);
});

it('goes on as far as is known if it does not fill up, and not below zero', () => {
	const steady = aheadFrom(hourly(240, () => 50));
	expect(steady).toHaveLength(10);
	expect(steady.every(({ used }) => used === 50 * GIB)).toBe(true);
	// 2 GiB of 26 left, 2.4 a day less.
	const less = aheadFrom(hourly(240, (hour) => 26 - hour / 10));
	expect(less).toHaveLength(1);
	expect((less[0]?.used ?? 1) / GIB).toBeCloseTo(0, 6);
});

it('is not there while nothing is said', () => {
	expect(aheadFrom(hourly(70, (hour) => hour))).toEqual([]);
	expect(aheadFrom([])).toEqual([]);
});

it('begins at the newest sample, and each curve has a place for each time', () => {
	const points = hourly(100, (hour) => hour / 10);
	const ahead = aheadFrom(points);
	const { times, used, ahead: later, limit } = curvesOf(points, ahead);
	expect(times).toHaveLength(101 + ahead.length);
	expect([used.length, later.length, limit.length]).toEqual([times.length, times.length, times.length]);
	expect([used[100], later[99], later[100], used[101]]).toEqual([10 * GIB, null, 10 * GIB, null]);
	expect(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0))).toBe(true);
	expect(limit.at(-1)).toBe(100 * GIB * FULL_RATIO);
	expect(curvesOf(points, []).ahead.every((value) => value === null)).toBe(true);
});

it('draws nothing where the pool did not answer', () => {
	const { times, used, limit } = curvesOf([at(0, 1), at(1, 2), at(9, 3), at(10.1, 4)], []);
	expect(used.map((value) => (value === null ? null : value / GIB))).toEqual([1, 2, null, 3, 4]);
	expect(limit[2]).toBeNull();
	expect(times[2]).toBe((BEGAN_MS + 5 * HOUR_MS) / 1000);
});

it('has the last of each day, of those there are, the newest first', () => {
	const rows = dailyOf([at(0, 1), at(23, 2), at(24, 3), at(30, 4), at(80, 5)]);
	expect(rows.map(({ used }) => used / GIB)).toEqual([5, 4, 2]);
	expect(dailyOf([])).toEqual([]);
});
