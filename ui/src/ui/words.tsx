// SPDX-License-Identifier: GPL-3.0-or-later
import { useTranslation } from 'react-i18next';
import type { Event } from '../api/types';
import type { Key } from '../i18n';
import { Label } from '../pf';
import { eventText } from './event-text';
import { formatAgo, formatBytes, formatDuration, formatTime } from './format';
import { useNow } from './now';

type Color = 'blue' | 'green' | 'orange' | 'red' | 'grey' | 'teal';

/** Words of the API in the language of the person; what the API does not promise is shown as it is. */
export function useWords() {
	const { t, i18n } = useTranslation();
	const known = (key: string): key is Key => i18n.exists(key, { lng: 'en' });
	const say = (prefix: string, value: string | null | undefined): string => {
		if (!value) return '–';
		const key = `${prefix}.${value}`;
		return known(key) ? String(t(key as Key)) : value;
	};
	return {
		t,
		/** Whether there are words for it: a newer server may have codes that this dashboard does not know. */
		knows: known,
		language: i18n.language,
		word: (value: string | null | undefined) => say('word', value),
		kind: (value: string | null | undefined) => say('kind', value),
		step: (value: string | null | undefined) => say('step', value),
		action: (value: string | null | undefined) => say('action', value),
		bytes: (value: number | null | undefined) => formatBytes(value, i18n.language),
		event: (event: Event) =>
			eventText(event, i18n.getResourceBundle(i18n.language, 'events') as Record<string, string> | undefined, (what, value) => say(what, value)),
		duration: (from: string, to: string) => formatDuration(Date.parse(from), Date.parse(to), i18n.language),
		time: (value: string | null | undefined) => formatTime(value, i18n.language),
	};
}

const NAMES_MAX = 6;
/** Some names, and how many more there are. */
export function useNames() {
	const { t } = useWords();
	return (names: string[]) =>
		names.slice(0, NAMES_MAX).join(', ') + (names.length > NAMES_MAX ? ` ${t('overview.more', { count: names.length - NAMES_MAX })}` : '');
}

const COLORS: Record<string, Color> = {
	active: 'green',
	available: 'green',
	deployed: 'green',
	ok: 'green',
	on: 'green',
	ready: 'green',
	running: 'green',
	succeeded: 'green',
	in_use: 'teal',
	new: 'blue',
	commissioning: 'blue',
	deploying: 'blue',
	creating: 'blue',
	importing: 'blue',
	uploading: 'blue',
	joining: 'blue',
	migrating: 'blue',
	starting: 'blue',
	stopping: 'blue',
	deleting: 'blue',
	waiting: 'orange',
	degraded: 'orange',
	cancelled: 'orange',
	warning: 'orange',
	credentials: 'red',
	critical: 'red',
	failed: 'red',
	unreachable: 'red',
};

export function StateLabel({ state }: { state: string | null | undefined }) {
	const { word } = useWords();
	if (!state) return <>–</>;
	return (
		<Label isCompact color={state === 'running' ? 'green' : (COLORS[state] ?? 'grey')} data-state={state}>
			{word(state)}
		</Label>
	);
}

/** A task that runs is under way, not well. */
export function TaskLabel({ state }: { state: string }) {
	const { word } = useWords();
	return (
		<Label isCompact color={state === 'running' ? 'blue' : (COLORS[state] ?? 'grey')} data-state={state}>
			{word(state)}
		</Label>
	);
}

export function Time({ at, ago = false }: { at: string | null | undefined; ago?: boolean }) {
	const { time, language } = useWords();
	const now = useNow();
	if (!at) return <>–</>;
	return (
		<time dateTime={at} title={time(at)}>
			{ago ? formatAgo(at, now, language) : time(at)}
		</time>
	);
}
