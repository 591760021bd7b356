// SPDX-License-Identifier: GPL-3.0-or-later
// When a pool will be full if it goes on as it did: a straight line through what was used (least squares). Too little to go by says
// nothing at all.
import type { PoolUsage } from '../api/types';

export type Sample = PoolUsage['samples'][number];
/** Of a sample whose time is known. */
export interface Point {
	atMs: number;
	used: number;
	total: number;
}
/** early: too few samples to go by. steady: not full within a year. full: at a time. */
export type Forecast = { kind: 'early' } | { kind: 'steady'; bytesPerMs: number } | { kind: 'full'; bytesPerMs: number; atMs: number };

export const DAY_MS = 24 * 3600000;
export const SPAN_MIN_DAYS = 3;
const SAMPLES_MIN = 24;
/** Beyond that a line through four weeks says nothing. */
const AHEAD_MAX_MS = 365 * DAY_MS;
/** Ceph takes no more when a disk is so full (mon_osd_full_ratio). */
export const FULL_RATIO = 0.95;

export const pointsOf = (samples: Sample[]): Point[] =>
	samples.flatMap(({ time, used_bytes: used, total_bytes: total }) => (time ? [{ atMs: Date.parse(time), used, total }] : []));

/** Bytes a millisecond. */
function growth(points: [number, number][]): number {
	const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
	const [atMs, used] = [mean(0), mean(1)];
	const spread = points.reduce((sum, [x]) => sum + (x - atMs) ** 2, 0);
	return points.reduce((sum, [x, y]) => sum + (x - atMs) * (y - used), 0) / spread;
}

export function forecastOf(points: Point[]): Forecast {
	const [first, newest] = [points.at(0), points.at(-1)];
	if (!first || !newest || points.length < SAMPLES_MIN || newest.atMs - first.atMs < SPAN_MIN_DAYS * DAY_MS) return { kind: 'early' };
	// From the first sample on, so that the squares of times stay exact.
	const bytesPerMs = growth(points.map(({ atMs, used }) => [atMs - first.atMs, used]));
	const afterMs = bytesPerMs > 0 ? Math.max(0, newest.total * FULL_RATIO - newest.used) / bytesPerMs : Infinity;
	return afterMs <= AHEAD_MAX_MS ? { kind: 'full', bytesPerMs, atMs: newest.atMs + afterMs } : { kind: 'steady', bytesPerMs };
}

/** "in 3 weeks", "in 5 days". */
export function formatAhead(ms: number, language = 'en'): string {
	const days = Math.floor(Math.max(0, ms) / DAY_MS);
	const say = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
	return days >= 14 ? say.format(Math.floor(days / 7), 'week') : say.format(days, 'day');
}
