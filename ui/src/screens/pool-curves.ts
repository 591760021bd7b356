// SPDX-License-Identifier: GPL-3.0-or-later
// What the chart of a pool draws, and the same figures as rows. Nothing is drawn where nobody asked the pool.
import { DAY_MS, FULL_RATIO, type Forecast, type Point } from './forecast';

/** Samples are an hour apart; in a longer pause the pool did not answer. */
const PAUSE_MS = 2.5 * 3600000;

/** Of the same length, by time. used ends with the newest sample, where ahead begins. null: not known. */
export interface Curves {
	/** Seconds since 1970. */
	times: number[];
	used: (number | null)[];
	ahead: (number | null)[];
	/** At which the pool takes no more. */
	limit: (number | null)[];
}

/** What the pool goes on to if it goes on as it did, day by day to when it is full or empty, not much further than is known of before. */
export function aheadOf(points: Point[], forecast: Forecast): Point[] {
	const [first, newest] = [points.at(0), points.at(-1)];
	if (!first || !newest || forecast.kind === 'early') return [];
	const { bytesPerMs } = forecast;
	const knownMs = newest.atMs - first.atMs;
	const emptyMs = bytesPerMs < 0 ? newest.used / -bytesPerMs : Infinity;
	const lengthMs = forecast.kind === 'full' ? Math.min(forecast.atMs - newest.atMs, 2 * knownMs) : Math.min(emptyMs, knownMs);
	const steps = Math.ceil(lengthMs / DAY_MS);
	return Array.from({ length: steps }, (_unused, index) => {
		const afterMs = Math.min((index + 1) * DAY_MS, lengthMs);
		return { atMs: newest.atMs + afterMs, used: Math.max(0, newest.used + afterMs * bytesPerMs), total: newest.total };
	});
}

export function curvesOf(points: Point[], ahead: Point[]): Curves {
	const curves: Curves = { times: [], used: [], ahead: [], limit: [] };
	const add = (atMs: number, used: number | null, later: number | null, total: number | null) => {
		curves.times.push(atMs / 1000);
		curves.used.push(used);
		curves.ahead.push(later);
		curves.limit.push(total === null ? null : total * FULL_RATIO);
	};
	points.forEach(({ atMs, used, total }, index) => {
		const before = points[index - 1];
		if (before && atMs - before.atMs > PAUSE_MS) add((before.atMs + atMs) / 2, null, null, null);
		add(atMs, used, index === points.length - 1 && ahead.length > 0 ? used : null, total);
	});
	ahead.forEach(({ atMs, used, total }) => add(atMs, null, used, total));
	return curves;
}

/** The last of each day, as the browser's zone has days; the newest first. */
export function dailyOf(points: Point[]): Point[] {
	const days = new Map(points.map((point) => [new Date(point.atMs).toDateString(), point]));
	return [...days.values()].reverse();
}
