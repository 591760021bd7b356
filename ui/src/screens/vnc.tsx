// SPDX-License-Identifier: GPL-3.0-or-later
// The screen of a virtual machine: VNC over one WebSocket.
import RFB from '@novnc/novnc';
import { useEffect, useRef } from 'react';
import type { Connection, KeyChord } from './console-panel';
import { KEYSYMS, strokesOf, type Stroke } from './keys';
import { Typist } from './typist';

// QEMU lets 10 ms pass between two of its key events, and keeps so many of them.
const STROKE_MS = 45;

export default function VncScreen({ url, label, onOpen, onClose, onReady, onTyping }: Connection) {
	const place = useRef<HTMLDivElement>(null);
	const handlers = useRef({ onOpen, onClose, onReady, onTyping });
	handlers.current = { onOpen, onClose, onReady, onTyping };
	useEffect(() => {
		const holder = place.current;
		if (!holder) return undefined;
		// Ours, and not noVNC's, so that the reason is seen with which it is closed.
		const socket = new WebSocket(url);
		socket.binaryType = 'arraybuffer';
		const rfb = new RFB(holder, socket, { shared: true });
		rfb.scaleViewport = true;
		rfb.background = 'transparent';
		const press = (stroke: Stroke) => {
			const [shift, code] = KEYSYMS.Shift ?? [0, null];
			if (stroke.shift) rfb.sendKey(shift, code, true);
			rfb.sendKey(stroke.keysym, stroke.code, true);
			rfb.sendKey(stroke.keysym, stroke.code, false);
			if (stroke.shift) rfb.sendKey(shift, code, false);
		};
		let over = false; // noVNC complains of being told twice
		const typist = new Typist<Stroke>(press, STROKE_MS, (left) => handlers.current.onTyping(left));
		const opened = () => {
			handlers.current.onOpen();
			rfb.focus();
		};
		const closed = (event: CloseEvent) => {
			over = true;
			typist.stop();
			handlers.current.onClose(event.code, event.reason);
		};
		rfb.addEventListener('connect', opened);
		socket.addEventListener('close', closed);
		holder.querySelector('canvas')?.setAttribute('aria-label', label);
		const leave = () => {
			typist.stop();
			rfb.removeEventListener('connect', opened);
			socket.removeEventListener('close', closed);
			if (!over) rfb.disconnect();
			over = true;
		};
		handlers.current.onReady({
			// Typed, not put on the guest's clipboard: it works without an agent in the guest.
			paste: (text) => {
				const { strokes, missing } = strokesOf(text);
				typist.type(strokes);
				return missing;
			},
			press: (chord: KeyChord) => {
				const keys = chord.map((name) => KEYSYMS[name]).filter((key) => key !== undefined);
				keys.forEach(([keysym, code]) => rfb.sendKey(keysym, code, true));
				keys.reverse().forEach(([keysym, code]) => rfb.sendKey(keysym, code, false));
			},
			drop: leave,
		});
		return leave;
	}, [url, label]);
	return <div className="ingot-vnc" ref={place} data-console="vnc" />;
}
