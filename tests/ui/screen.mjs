// SPDX-License-Identifier: GPL-3.0-or-later
// What consoles show, read as a person reads it: the text of the terminal, and the characters on a screen of pixels.

/** The rows of the serial console. */
export const terminalText = (page) => page.locator('[data-console=serial] .xterm-rows').innerText();

export async function untilTerminal(page, look, what, ms = 30000) {
	const end = Date.now() + ms;
	let text = '';
	while (Date.now() < end) {
		text = await terminalText(page).catch(() => '');
		const found = look(text);
		if (found) return found;
		await page.waitForTimeout(100);
	}
	throw new Error(`the terminal does not show ${what}: ${JSON.stringify(text.slice(-400))}`);
}

/** The numbers that the guest has printed, of whole lines. */
export const counters = (text) => [...text.matchAll(/ingot counter (\d+)\s/g)].map((match) => Number(match[1]));

/** The 25 rows of a text screen, as drawn. The guest shows the characters of ASCII in order, from which it is seen how each is
 * drawn; a cell that is like none of them is '\ufffd'. Null while there is no picture. */
export const screenRows = (page) =>
	page.evaluate(() => {
		const canvas = document.querySelector('[data-console=vnc] canvas');
		if (!canvas || canvas.width < 640 || canvas.height !== 400) return null;
		const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
		const [across, down] = [canvas.width / 80, 16];
		const cell = (row, column) => {
			let drawn = '';
			for (let y = 0; y < down; y++) for (let x = 0; x < across; x++) drawn += data[((row * down + y) * width + column * across + x) * 4] > 64 ? '1' : '0';
			return drawn;
		};
		const known = new Map();
		for (let code = 0x20; code <= 0x7e; code++) {
			const at = code - 0x20;
			const drawn = cell(Math.floor(at / 80), at % 80);
			if (known.has(drawn)) return null; // it is still being drawn
			known.set(drawn, String.fromCharCode(code));
		}
		return Array.from({ length: 25 }, (_unused, row) => Array.from({ length: 80 }, (_other, column) => known.get(cell(row, column)) ?? '\ufffd').join(''));
	});

const COUNTER_ROW = 3;
const TYPED_ROW = 5;

export async function untilScreen(page, look, what, ms = 30000) {
	const end = Date.now() + ms;
	let rows = null;
	while (Date.now() < end) {
		rows = await screenRows(page);
		if (rows) {
			const found = look({ counter: Number(rows[COUNTER_ROW].trim()), typed: rows[TYPED_ROW].replace(/\ufffd.*/, '').trimEnd(), rows });
			if (found) return found;
		}
		await page.waitForTimeout(100);
	}
	throw new Error(`the screen does not show ${what}: ${rows ? rows.slice(0, 8).map((row) => row.trimEnd()).join('\n') : 'no picture'}`);
}
