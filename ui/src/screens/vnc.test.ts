// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it, vi } from 'vitest';

vi.mock('@novnc/novnc', () => ({ default: class {} })); // it wants a browser's canvas; its part is not looked at here
const { keysymOf } = await import('./vnc');

it.each([
	['a', 0x61],
	['é', 0xe9],
	['€', 0x010020ac],
	['가', 0x0100ac00],
	['\n', 0xff0d],
	['\t', 0xff09],
])('types %s', (character, keysym) => expect(keysymOf(character)).toBe(keysym));
