// SPDX-License-Identifier: GPL-3.0-or-later
// What consoles show, read as a person reads it: the text of the terminal, and the characters on a screen of pixels; and what a page was
// sent, since a terminal has scrolled on by the time one looks.

/** The rows of the serial console. */
export const terminalText = (page) => page.locator('[data-console=serial] .xterm-rows').innerText();

/** Nobody waits that long but where something is broken. */
const LONG_MS = 60000;

export async function untilTerminal(page, look, what, ms = LONG_MS) {
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

const heardBy = new WeakMap();
/** Keeps what the serial consoles of a page are sent from now on: what has scrolled away before anybody looked is in it as well. at: where
 * the text of the newest connection begins, which may be history. */
export function listen(page) {
	const heard = { text: '', sockets: 0, at: 0, watchers: new Set() };
	heardBy.set(page, heard);
	page.on('websocket', (socket) => {
		const decoder = new TextDecoder();
		heard.sockets++;
		heard.at = heard.text.length;
		socket.on('framereceived', ({ payload }) => {
			heard.text += typeof payload === 'string' ? payload : decoder.decode(payload, { stream: true });
			heard.watchers.forEach((fn) => fn());
		});
	});
	return heard;
}
export const heardOf = (page) => heardBy.get(page);

/** Until look() says something true of what the page's serial console was sent since a length of it. */
export function untilHeard(page, look, what, since = 0) {
	const heard = heardOf(page);
	return new Promise((resolve, reject) => {
		const end = (fn, value) => {
			clearTimeout(limit);
			heard.watchers.delete(consider);
			fn(value);
		};
		const consider = () => {
			const found = look(heard.text.slice(since));
			if (found) end(resolve, found);
		};
		const limit = setTimeout(() => end(reject, new Error(`the console did not say ${what}: ${JSON.stringify(heard.text.slice(since).slice(0, 300))} ... ${JSON.stringify(heard.text.slice(-300))}`)), LONG_MS);
		heard.watchers.add(consider);
		consider();
	});
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

export async function untilScreen(page, look, what, ms = LONG_MS) {
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
