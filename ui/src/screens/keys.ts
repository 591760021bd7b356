// SPDX-License-Identifier: GPL-3.0-or-later
// Which key of a keyboard types a character. A virtual machine has keys, not characters: a text is typed as on a US keyboard,
// with Shift where that needs it (QEMU does not add it by itself).

export interface Stroke {
	keysym: number; // of X11
	code: string; // as KeyboardEvent.code names the key
	shift: boolean;
}

/** The keys of what has no character. */
export const KEYSYMS: Record<string, [number, string]> = {
	Control: [0xffe3, 'ControlLeft'],
	Shift: [0xffe1, 'ShiftLeft'],
	Alt: [0xffe9, 'AltLeft'],
	Delete: [0xffff, 'Delete'],
	F1: [0xffbe, 'F1'],
	F2: [0xffbf, 'F2'],
	Tab: [0xff09, 'Tab'],
};

// Code, what it types, what it types with Shift.
const KEYS: [string, string, string][] = [
	['Backquote', '`', '~'],
	['Minus', '-', '_'],
	['Equal', '=', '+'],
	['BracketLeft', '[', '{'],
	['BracketRight', ']', '}'],
	['Backslash', '\\', '|'],
	['Semicolon', ';', ':'],
	['Quote', "'", '"'],
	['Comma', ',', '<'],
	['Period', '.', '>'],
	['Slash', '/', '?'],
	['Space', ' ', ''],
	...[...'abcdefghijklmnopqrstuvwxyz'].map((letter): [string, string, string] => [`Key${letter.toUpperCase()}`, letter, letter.toUpperCase()]),
	...[...'0123456789'].map((digit): [string, string, string] => [`Digit${digit}`, digit, ')!@#$%^&*('.charAt(Number(digit))]),
];

const STROKES = new Map<string, Stroke>([
	['\n', { keysym: 0xff0d, code: 'Enter', shift: false }],
	['\t', { keysym: 0xff09, code: 'Tab', shift: false }],
	...KEYS.flatMap(([code, plain, shifted]): [string, Stroke][] =>
		[plain, shifted].filter(Boolean).map((character, index) => [character, { keysym: character.charCodeAt(0), code, shift: index === 1 }]),
	),
]);

/** How a text is typed, and the characters in it that no key types. */
export function strokesOf(text: string): { strokes: Stroke[]; missing: string[] } {
	const strokes: Stroke[] = [];
	const missing = new Set<string>();
	for (const character of text.replace(/\r\n?/g, '\n')) {
		const stroke = STROKES.get(character);
		if (stroke) strokes.push(stroke);
		else missing.add(character);
	}
	return { strokes, missing: [...missing] };
}
