// SPDX-License-Identifier: GPL-3.0-or-later
// A serial console: bytes both ways over one WebSocket.
import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef } from 'react';
import { documentWithoutInlineStyle } from '../ui/xterm-document';
import type { Connection } from './console-panel';
import { Typist } from './typist';

const LINES_KEPT = 5000;
// What 115200 baud carry, in pieces that a BMC takes as well.
const PIECE_BYTES = 256;
const PIECE_MS = 25;

const piecesOf = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] =>
	Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_unused, index) => bytes.slice(index * PIECE_BYTES, (index + 1) * PIECE_BYTES));

export default function SerialTerminal({ url, label, onOpen, onClose, onReady, onTyping }: Connection) {
	const place = useRef<HTMLDivElement>(null);
	const handlers = useRef({ onOpen, onClose, onReady, onTyping });
	handlers.current = { onOpen, onClose, onReady, onTyping };
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
		const typist = new Typist<Uint8Array<ArrayBuffer>>((piece) => socket.send(piece), PIECE_MS, (left) => handlers.current.onTyping(left * PIECE_BYTES));
		// What is typed while there is no connection is not kept for later: it would come when nobody expects it.
		const send = (text: string) => {
			if (socket.readyState === WebSocket.OPEN) typist.type(piecesOf(encoder.encode(text)));
		};
		socket.onopen = () => {
			handlers.current.onOpen();
			terminal.focus();
		};
		socket.onmessage = (message) => terminal.write(new Uint8Array(message.data as ArrayBuffer));
		socket.onclose = (event) => {
			typist.stop();
			handlers.current.onClose(event.code, event.reason);
		};
		const input = terminal.onData(send);
		const drop = () => {
			typist.stop();
			socket.onclose = null;
			socket.onmessage = null;
			socket.close();
		};
		handlers.current.onReady({
			paste: (text) => {
				terminal.paste(text);
				return [];
			},
			press: null,
			drop,
		});
		const resized = new ResizeObserver(() => fit.fit());
		resized.observe(holder);
		return () => {
			resized.disconnect();
			input.dispose();
			drop();
			terminal.dispose();
		};
	}, [url, label]);
	return <div className="ingot-terminal" ref={place} data-console="serial" />;
}
