// SPDX-License-Identifier: GPL-3.0-or-later
// Whether somebody is at this page. A page that is left open goes on asking the server, which must not keep the session of
// somebody who has gone: what it asks by itself says so.
const ATTENDED_MS = 60000;
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

let seenAt = Date.now();

/** Somebody has done something here. */
export const noteInput = () => {
	seenAt = Date.now();
};
export const isAttended = () => Date.now() - seenAt < ATTENDED_MS;

export function watchInput(target: EventTarget): void {
	for (const sign of SIGNS) target.addEventListener(sign, noteInput, { capture: true, passive: true });
}
