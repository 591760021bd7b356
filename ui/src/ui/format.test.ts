// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { byteTicks, formatAgo, formatBytes, formatDuration, formatTime, parseBytes } from './format';

describe('sizes', () => {
	it.each([
		[0, '0 B'],
		[1023, '1,023 B'],
		[1024, '1 KiB'],
		[1536, '1.5 KiB'],
		[12 * 1024 ** 3, '12 GiB'],
		[206158430208, '192 GiB'],
		[Number.MAX_SAFE_INTEGER, '8 PiB'],
		[null, '–'],
		[undefined, '–'],
	])('shows %s as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
	it.each([
		['512', 512],
		['1 KiB', 1024],
		['10GiB', 10 * 1024 ** 3],
		[' 1.5 TiB ', 1.5 * 1024 ** 4],
		['4g', 4 * 1024 ** 3],
		['0', 0],
	])('reads %s as %d', (text, bytes) => expect(parseBytes(text)).toBe(bytes));
	it.each(['', 'x', '-1 GiB', '1 GB', '1 XiB', '1.3', '99999999 PiB', '1 GiB 2', 'NaN'])('refuses %s', (text) => expect(parseBytes(text)).toBeNull());
	it('reads back what it shows', () => {
		for (const bytes of [1024, 3 * 1024 ** 2, 7 * 1024 ** 3]) expect(parseBytes(formatBytes(bytes))).toBe(bytes);
	});
});

describe('times', () => {
	const now = Date.parse('2026-01-02T00:00:00Z');
	it.each([
		['2026-01-01T23:59:58Z', '2 seconds ago'],
		['2026-01-01T23:00:00Z', '1 hour ago'],
		['2025-12-30T00:00:00Z', '3 days ago'],
		['2026-01-02T00:05:00Z', 'in 5 minutes'],
		['2026-01-02T00:00:00Z', 'now'],
	])('says %s as %s', (time, text) => expect(formatAgo(time, now)).toBe(text));
	it('speaks Korean', () => expect(formatAgo('2026-01-01T23:00:00Z', now, 'ko')).toBe('1시간 전'));
	it('does not show what is no time', () => {
		expect(formatTime(null)).toBe('–');
		expect(formatTime('rubbish')).toBe('–');
		expect(formatAgo('rubbish', now)).toBe('–');
	});
	it('shows durations', () => {
		expect(formatDuration(0, 90000)).toBe('1 minute');
		expect(formatDuration(5000, 0)).toBe('0 seconds');
	});
});

it('marks an axis of sizes at powers of two, no more often than there is room', () => {
	expect(byteTicks(191.5, 3)).toEqual([0, 64, 128]);
	expect(byteTicks(192, 3)).toEqual([0, 64, 128, 192]);
	expect(byteTicks(3 * 1024 ** 4, 2).map((each) => formatBytes(each))).toEqual(['0 B', '2 TiB']);
	expect(byteTicks(0.5, 4)).toEqual([0]);
	expect(byteTicks(100, 0.2)).toEqual([0]);
});
