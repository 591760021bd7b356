// SPDX-License-Identifier: GPL-3.0-or-later
// What an event says, in the language of the person; what has no code, or one of a newer server, in the server's English.
import type { Event } from '../api/types';

/** Values that are words of the API, and what says them. */
const WORDS: Record<string, 'word' | 'action'> = { action: 'action', power: 'word', role: 'word', state: 'word' };

type Say = (kind: 'word' | 'action', value: string) => string;
type Spoken = Pick<Event, 'code' | 'params' | 'resource_name' | 'text'>;

export function eventText(event: Spoken, texts: Partial<Record<string, string>> | undefined, say: Say): string {
	const text = event.code ? texts?.[event.code] : undefined;
	if (!text) return event.text ?? '';
	const params: Record<string, unknown> = { name: event.resource_name, ...(event.params as Record<string, unknown> | null) };
	return text.replace(/\{(\w+)\}/g, (_whole, key: string) => {
		const value = params[key];
		if (typeof value !== 'string') return '';
		const kind = WORDS[key];
		return kind ? say(kind, value) : value;
	});
}
