// SPDX-License-Identifier: GPL-3.0-or-later
// The time, for what is shown as "2 minutes ago": one clock for the page.
import { useSyncExternalStore } from 'react';

const STEP_MS = 5000;
let now = Date.now();
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(fn: () => void) {
	watchers.add(fn);
	timer ??= setInterval(() => {
		now = Date.now();
		watchers.forEach((each) => each());
	}, STEP_MS);
	return () => {
		watchers.delete(fn);
		if (watchers.size === 0) {
			clearInterval(timer);
			timer = undefined;
		}
	};
}

export const useNow = () => useSyncExternalStore(watch, () => now);
