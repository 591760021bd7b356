// SPDX-License-Identifier: GPL-3.0-or-later
// The part of noVNC's interface that is used (its docs/API.md).
declare module '@novnc/novnc' {
	interface RfbEvents {
		connect: CustomEvent;
		disconnect: CustomEvent<{ clean: boolean }>;
	}
	export default class RFB {
		constructor(target: HTMLElement, urlOrChannel: string | WebSocket, options?: { shared?: boolean });
		scaleViewport: boolean;
		background: string;
		addEventListener<K extends keyof RfbEvents>(type: K, listener: (event: RfbEvents[K]) => void): void;
		removeEventListener<K extends keyof RfbEvents>(type: K, listener: (event: RfbEvents[K]) => void): void;
		sendKey(keysym: number, code: string | null, down?: boolean): void;
		focus(): void;
		disconnect(): void;
	}
}
