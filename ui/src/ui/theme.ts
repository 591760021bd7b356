// SPDX-License-Identifier: GPL-3.0-or-later
// Light, dark, or as the system has it.
import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';
const STORED = 'ingot.theme';
const watchers = new Set<() => void>();
const wish = (): Theme => {
	const stored = localStorage.getItem(STORED);
	return stored === 'light' || stored === 'dark' ? stored : 'system';
};
const systemDark = () => matchMedia('(prefers-color-scheme: dark)');

function apply() {
	const theme = wish();
	const dark = theme === 'dark' || (theme === 'system' && systemDark().matches);
	document.documentElement.classList.toggle('pf-v6-theme-dark', dark);
	document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
	watchers.forEach((fn) => fn());
}

export function startTheme() {
	apply();
	systemDark().addEventListener('change', apply);
}

export function setTheme(theme: Theme) {
	localStorage.setItem(STORED, theme);
	apply();
}

export const useTheme = () =>
	useSyncExternalStore((fn) => {
		watchers.add(fn);
		return () => void watchers.delete(fn);
	}, wish);
export const useDark = () =>
	useSyncExternalStore(
		(fn) => {
			watchers.add(fn);
			return () => void watchers.delete(fn);
		},
		() => document.documentElement.classList.contains('pf-v6-theme-dark'),
	);
