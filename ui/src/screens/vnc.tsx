// SPDX-License-Identifier: GPL-3.0-or-later
// The screen of a virtual machine: VNC over one WebSocket.
import RFB from '@novnc/novnc';
import { useEffect, useRef } from 'react';
import type { Connection, KeyChord } from './console-panel';

const KEYSYMS: Record<string, [number, string]> = {
	Control: [0xffe3, 'ControlLeft'],
	Alt: [0xffe9, 'AltLeft'],
	Delete: [0xffff, 'Delete'],
	F1: [0xffbe, 'F1'],
	F2: [0xffbf, 'F2'],
	Tab: [0xff09, 'Tab'],
};
const LATIN_END = 0xff;
const UNICODE_KEYSYM = 0x01000000;

/** The keysym of a character (X11 keysyms: Latin-1 as it is, the rest by Unicode). */
export const keysymOf = (character: string): number => {
	const code = character.codePointAt(0) ?? 0;
	if (code === 0x0a || code === 0x0d) return 0xff0d;
	if (code === 0x09) return 0xff09;
	return code <= LATIN_END ? code : UNICODE_KEYSYM + code;
};

export default function VncScreen({ url, label, onOpen, onClose, onReady }: Connection) {
	const place = useRef<HTMLDivElement>(null);
	const handlers = useRef({ onOpen, onClose, onReady });
	handlers.current = { onOpen, onClose, onReady };
	useEffect(() => {
		const holder = place.current;
		if (!holder) return undefined;
		const rfb = new RFB(holder, url, { shared: true });
		rfb.scaleViewport = true;
		rfb.background = 'transparent';
		let opened = false;
		rfb.addEventListener('connect', () => {
			opened = true;
			handlers.current.onOpen();
			rfb.focus();
		});
		const closed = (event: CustomEvent<{ clean: boolean }>) => handlers.current.onClose(event.detail.clean && opened ? '' : 'lost');
		rfb.addEventListener('disconnect', closed);
		holder.querySelector('canvas')?.setAttribute('aria-label', label);
		handlers.current.onReady({
			// Typed, not put on the guest's clipboard: it works without an agent in the guest.
			paste: (text) => [...text].forEach((character) => rfb.sendKey(keysymOf(character), null)),
			press: (chord: KeyChord) => {
				const keys = chord.map((name) => KEYSYMS[name]).filter((key) => key !== undefined);
				keys.forEach(([keysym, code]) => rfb.sendKey(keysym, code, true));
				keys.reverse().forEach(([keysym, code]) => rfb.sendKey(keysym, code, false));
			},
		});
		return () => {
			rfb.removeEventListener('disconnect', closed);
			rfb.disconnect();
		};
	}, [url, label]);
	return <div className="ingot-vnc" ref={place} data-console="vnc" />;
}
