// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import texts from '../api/events.gen.json';
import { eventsEn } from '../i18n/events.en';
import { eventsKo } from '../i18n/events.ko';
import { eventText } from './event-text';

const holders = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].sort();
const english: Record<string, string> = texts;

it.each(Object.keys(texts))('%s is said in Korean with the same values in it', (code) => {
	const korean = eventsKo[code as keyof typeof eventsKo];
	expect(korean).toMatch(/[\uac00-\ud7a3]/);
	// Korean may leave nothing out; the name it may add.
	expect(holders(korean).filter((key) => key !== 'name')).toEqual(holders(english[code] ?? '').filter((key) => key !== 'name'));
});

it.each(Object.keys(texts).filter((code) => english[code]?.includes('{action}')))('%s names in English what was done as the tasks do, with the same values in it', (code) => {
	const said = eventsEn[code as keyof typeof eventsEn] ?? '';
	expect(holders(said)).toEqual(holders(english[code] ?? ''));
	expect(eventText({ code, params: { action: 'machine.commission', reason: 'why' }, resource_name: 'm1', text: 'machine.commission' }, eventsEn, say)).toMatch(/^action:machine.commission: /);
});

const say = (kind: string, value: string) => `${kind}:${value}`;
const event = { code: 'vm.migrated', params: { node: 'rack1-b' }, resource_name: 'web', text: 'web moved to rack1-b' };

it('puts in what happened to what', () => {
	expect(eventText(event, eventsKo, say)).toBe('web이(가) rack1-b(으)로 옮겨졌습니다');
	expect(eventText({ ...event, code: 'pool.state', params: { state: 'active' }, resource_name: 'default' }, eventsKo, say)).toBe('풀 default의 상태: word:active');
	expect(eventText({ ...event, code: 'task.started', params: { action: 'vm.start' } }, eventsKo, say)).toBe('action:vm.start 시작됨');
});

it('says it as the server does where it knows no better', () => {
	expect(eventText(event, undefined, say)).toBe('web moved to rack1-b');
	expect(eventText({ ...event, code: null }, eventsKo, say)).toBe('web moved to rack1-b');
	expect(eventText({ ...event, code: 'vm.of-a-newer-version' }, eventsKo, say)).toBe('web moved to rack1-b');
	// What a value says is no text of ours: nothing in it is filled in.
	expect(eventText({ ...event, params: { node: '{name}' } }, eventsKo, say)).toBe('web이(가) {name}(으)로 옮겨졌습니다');
});
