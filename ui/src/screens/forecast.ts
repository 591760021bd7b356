// SPDX-License-Identifier: GPL-3.0-or-later
// When a pool will be full if it goes on as it did: a straight line through what was used (least squares). Too little to go by says
// nothing at all.
import type { PoolUsage } from '../api/types';

type Sample = PoolUsage['samples'][number];

const DAY_MS = 24 * 3600000;
const SAMPLES_MIN = 24;
const SPAN_MIN_MS = 3 * DAY_MS;
/** Beyond that a line through four weeks says nothing. */
const AHEAD_MAX_MS = 365 * DAY_MS;
/** Ceph takes no more when a disk is so full (mon_osd_full_ratio). */
const FULL_RATIO = 0.95;

/** Bytes a millisecond. */
function growth(points: [number, number][]): number {
	const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
	const [atMs, used] = [mean(0), mean(1)];
	const spread = points.reduce((sum, [x]) => sum + (x - atMs) ** 2, 0);
	return points.reduce((sum, [x, y]) => sum + (x - atMs) * (y - used), 0) / spread;
}

/** In how many milliseconds after the last sample it is full; null: not within a year, or nobody knows yet. */
export function fullAfterMs(samples: Sample[]): number | null {
	const points = samples.flatMap(({ time, used_bytes: used }): [number, number][] => (time ? [[Date.parse(time), used]] : []));
	const [first, last, newest] = [points.at(0), points.at(-1), samples.at(-1)];
	if (!first || !last || !newest || points.length < SAMPLES_MIN || last[0] - first[0] < SPAN_MIN_MS) return null;
	// From the first sample on, so that the squares of times stay exact.
	const bytesPerMs = growth(points.map(([at, used]) => [at - first[0], used]));
	if (bytesPerMs <= 0) return null;
	const ms = Math.max(0, newest.total_bytes * FULL_RATIO - newest.used_bytes) / bytesPerMs;
	return ms <= AHEAD_MAX_MS ? ms : null;
}

/** "in 3 weeks", "in 5 days". */
export function formatAhead(ms: number, language = 'en'): string {
	const days = Math.floor(ms / DAY_MS);
	const say = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
	return days >= 14 ? say.format(Math.floor(days / 7), 'week') : say.format(days, 'day');
}
