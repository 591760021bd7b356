// SPDX-License-Identifier: GPL-3.0-or-later
// A serial console: bytes both ways over one WebSocket.
import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef } from 'react';
import { documentWithoutInlineStyle } from '../ui/xterm-document';
import type { Connection } from './console-panel';

const LINES_KEPT = 5000;

export default function SerialTerminal({ url, label, onOpen, onClose, onReady }: Connection) {
	const place = useRef<HTMLDivElement>(null);
	const handlers = useRef({ onOpen, onClose, onReady });
	handlers.current = { onOpen, onClose, onReady };
	useEffect(() => {
		const holder = place.current;
		if (!holder) return undefined;
		const terminal = new Terminal({
			documentOverride: documentWithoutInlineStyle(document),
			scrollback: LINES_KEPT,
			screenReaderMode: true,
			fontSize: 14,
			convertEol: false,
		});
		const fit = new FitAddon();
		terminal.loadAddon(fit);
		terminal.open(holder);
		terminal.textarea?.setAttribute('aria-label', label);
		fit.fit();
		const socket = new WebSocket(url);
		socket.binaryType = 'arraybuffer';
		const encoder = new TextEncoder();
		const send = (text: string) => {
			if (socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(text));
		};
		socket.onopen = () => {
			handlers.current.onOpen();
			terminal.focus();
		};
		socket.onmessage = (message) => terminal.write(new Uint8Array(message.data as ArrayBuffer));
		socket.onclose = (event) => handlers.current.onClose(event.reason);
		const input = terminal.onData(send);
		handlers.current.onReady({ paste: (text) => terminal.paste(text), press: null });
		const resized = new ResizeObserver(() => fit.fit());
		resized.observe(holder);
		return () => {
			resized.disconnect();
			input.dispose();
			socket.onclose = null;
			socket.close();
			terminal.dispose();
		};
	}, [url, label]);
	return <div className="ingot-terminal" ref={place} data-console="serial" />;
}
