// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import { DAY_MS, forecastOf, formatAhead, pointsOf } from './forecast';

const HOUR_MS = 3600000;
const TIB = 1024 ** 4;
const sample = (hour: number, used: number, total = 100 * TIB) => ({
	time: new Date(Date.UTC(2026, 0, 1) + hour * HOUR_MS).toISOString(),
	used_bytes: used,
	total_bytes: total,
});
const hourly = (hours: number, used: (hour: number) => number) => Array.from({ length: hours + 1 }, (_each, hour) => sample(hour, used(hour)));
const forecast = (samples: ReturnType<typeof hourly>) => forecastOf(pointsOf(samples));
/** In how many days after the last sample. */
const fullAfter = (samples: ReturnType<typeof hourly>) => {
	const found = forecast(samples);
	return found.kind === 'full' ? (found.atMs - Date.parse(samples.at(-1)?.time ?? '')) / DAY_MS : found.kind;
};

it('goes on as it went', () => {
	// 45 TiB used, 1 TiB a day more, to 95 TiB: 50 days.
	const samples = hourly(14 * 24, (hour) => 45 * TIB - ((14 * 24 - hour) / 24) * TIB);
	expect(fullAfter(samples)).toBeCloseTo(50, 3);
	// What goes up and down on its way is the same line.
	const noisy = hourly(14 * 24, (hour) => 45 * TIB - ((14 * 24 - hour) / 24) * TIB + (hour % 2 ? 1 : -1) * 0.2 * TIB);
	expect(Math.abs(Number(fullAfter(noisy)) - 50)).toBeLessThan(2);
});

it('says nothing before it knows enough', () => {
	const grow = (hour: number) => hour * TIB * 0.02;
	expect(fullAfter([])).toBe('early');
	expect(fullAfter(hourly(71, grow))).toBe('early');
	expect(fullAfter(hourly(72, grow))).toBeGreaterThan(0);
	expect(fullAfter([sample(0, 0), sample(100, TIB)])).toBe('early'); // long enough, but two points are no line
});

it('does not say when for what does not fill up, or hardly', () => {
	expect(forecast(hourly(200, () => 5 * TIB))).toEqual({ kind: 'steady', bytesPerMs: 0 });
	const less = forecast(hourly(200, (hour) => (300 - hour) * 0.01 * TIB));
	expect(less.kind === 'steady' && less.bytesPerMs).toBeLessThan(0);
	expect(fullAfter(hourly(200, (hour) => 5 * TIB + hour * 1024))).toBe('steady');
});

it('is full when it takes no more', () => expect(fullAfter(hourly(200, (hour) => 95 * TIB + hour * 1e9))).toBe(0));

it('leaves out what has no time', () => expect(pointsOf([{ ...sample(0, 1), time: null }, sample(1, 2)])).toHaveLength(1));

it('is said in words', () => {
	expect(formatAhead(50 * DAY_MS)).toBe('in 7 weeks');
	expect(formatAhead(13.9 * DAY_MS)).toBe('in 13 days');
	expect(formatAhead(0)).toBe('today');
	expect(formatAhead(-3 * DAY_MS)).toBe('today');
	expect(formatAhead(21 * DAY_MS, 'ko')).toBe('3주 후');
});
