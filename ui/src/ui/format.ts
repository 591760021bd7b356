// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes in binary units, times in the browser's zone.
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

export function formatBytes(bytes: number | null | undefined, language = 'en'): string {
	if (bytes === null || bytes === undefined) return '–';
	let value = bytes;
	let unit = 0;
	while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
		value /= 1024;
		unit++;
	}
	const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
	return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)} ${UNITS[unit]}`;
}

/** Multiples of a power of two up to top, at most so many above zero: sizes in binary units are round there. */
export function byteTicks(top: number, most: number): number[] {
	const step = 2 ** Math.ceil(Math.log2(Math.max(1, top / Math.max(1, most))));
	return Array.from({ length: Math.floor(top / step) + 1 }, (_unused, index) => index * step);
}

/** "4 GiB", "512M", "1.5 TiB" as bytes; null for what is no size. Decimal units are refused: a disk of 1 TB is not one of 1 TiB. */
export function parseBytes(text: string): number | null {
	const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGTPE])?(i?B)?\s*$/i.exec(text);
	if (!match) return null;
	const [, number = '', letter, suffix] = match;
	if (letter && suffix && suffix.toLowerCase() === 'b') return null;
	const power = letter ? 'KMGTPE'.indexOf(letter.toUpperCase()) + 1 : 0;
	const bytes = Number(number) * 1024 ** power;
	return Number.isSafeInteger(bytes) ? bytes : null;
}

export function formatNumber(value: number, language = 'en'): string {
	return new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(value);
}

export function formatTime(time: string | null | undefined, language = 'en'): string {
	if (!time) return '–';
	const date = new Date(time);
	if (Number.isNaN(date.getTime())) return '–';
	return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(date);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
	['day', 86400],
	['hour', 3600],
	['minute', 60],
	['second', 1],
];

export function formatAgo(time: string | null | undefined, now: number, language = 'en'): string {
	if (!time) return '–';
	const seconds = Math.round((new Date(time).getTime() - now) / 1000);
	if (Number.isNaN(seconds)) return '–';
	const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
	return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}

export function formatDuration(fromMs: number, toMs: number, language = 'en'): string {
	const seconds = Math.max(0, Math.round((toMs - fromMs) / 1000));
	const [unit, size] = STEPS.find(([, length]) => seconds >= length) ?? ['second', 1];
	return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.floor(seconds / size));
}
