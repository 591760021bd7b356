// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Typist } from './typist';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('types the first piece at once, the others one by one, in order', () => {
	const typed: string[] = [];
	const left: number[] = [];
	const typist = new Typist<string>((piece) => typed.push(piece), 25, (count) => left.push(count));
	typist.type(['a', 'b']);
	typist.type(['c']);
	expect(typed).toEqual(['a']);
	vi.advanceTimersByTime(24);
	expect(typed).toEqual(['a']);
	vi.advanceTimersByTime(26);
	expect(typed).toEqual(['a', 'b', 'c']);
	expect(left).toEqual([1, 1, 0]);
	vi.advanceTimersByTime(25);
	typist.type(['d']);
	expect(typed).toEqual(['a', 'b', 'c', 'd']);
});

it('types nothing more once it was stopped', () => {
	const typed: string[] = [];
	const left: number[] = [];
	const typist = new Typist<string>((piece) => typed.push(piece), 25, (count) => left.push(count));
	typist.type(['a', 'b', 'c']);
	typist.stop();
	vi.advanceTimersByTime(1000);
	expect(typed).toEqual(['a']);
	expect(left.at(-1)).toBe(0);
});
