// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import { strokesOf } from './keys';

it.each([
	['a', 0x61, 'KeyA', false],
	['A', 0x41, 'KeyA', true],
	['7', 0x37, 'Digit7', false],
	['&', 0x26, 'Digit7', true],
	['_', 0x5f, 'Minus', true],
	['|', 0x7c, 'Backslash', true],
	[' ', 0x20, 'Space', false],
	['\n', 0xff0d, 'Enter', false],
	['\r', 0xff0d, 'Enter', false],
	['\t', 0xff09, 'Tab', false],
])('types %j', (character, keysym, code, shift) => expect(strokesOf(character)).toEqual({ strokes: [{ keysym, code, shift }], missing: [] }));

it('has a key for each printable character of ASCII', () => {
	const ascii = Array.from({ length: 0x7f - 0x20 }, (_unused, index) => String.fromCharCode(0x20 + index)).join('');
	const { strokes, missing } = strokesOf(ascii);
	expect(missing).toEqual([]);
	expect(new Set(strokes.map((stroke) => `${stroke.code} ${stroke.shift}`)).size).toBe(ascii.length);
});

it('names what it cannot type, once, and types the rest', () => {
	const { strokes, missing } = strokesOf('é€가é.\r\n');
	expect(missing).toEqual(['é', '€', '가']);
	expect(strokes.map((stroke) => stroke.code)).toEqual(['Period', 'Enter']);
});
