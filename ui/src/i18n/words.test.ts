// SPDX-License-Identifier: GPL-3.0-or-later
// Both languages say everything: that the keys are the same is a matter of types; here, that the words are.
import { expect, it } from 'vitest';
import words from '../api/words.gen.json';
import { en } from './en';
import { preferredLanguage } from './index';
import { ko } from './ko';

const holders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();
// What is the same in both because it is a name.
const NAMES = /^(product|disks\.osd|field\.(bmc|cpus|mtu|osd|vlan|wwn)|word\.(bios|uefi)|machine\.mbps|network\.vlan|token\.made|vm\.cloudInit)$/;

it.each(Object.keys(en) as (keyof typeof en)[])('%s is said in both languages with the same values in it', (key) => {
	expect(ko[key].trim()).not.toBe('');
	expect(holders(ko[key])).toEqual(holders(en[key]));
	if (!NAMES.test(key) && /[a-z]{3}/i.test(en[key].replace(/\{\{\w+\}\}/g, ''))) expect(ko[key]).toMatch(/[\uac00-\ud7a3]/);
});

it.each(words.words)('the API’s word %s is known', (word) => expect(en).toHaveProperty([`word.${word}`]));
it.each(words.codes)('the problem %s has a title and a remedy', (code) => {
	expect(en).toHaveProperty([`problem.${code}`]);
	expect(en).toHaveProperty([`remedy.${code}`]);
});
it.each(words.codes)('what failed as %s has a title and a remedy in both languages', (code) => {
	for (const said of [en, ko]) {
		expect(said).toHaveProperty([`failure.${code}`]);
		expect(said).toHaveProperty([`failureRemedy.${code}`]);
	}
});
it('says what to do about kinds of resources for codes that there are', () => {
	const kinds = ['bmc', 'image', 'machine', 'node', 'vm', 'volume'];
	const special = Object.keys(en).filter((key) => /^failureRemedy\.[^.]+\.[^.]+$/.test(key));
	expect(special.length).toBeGreaterThan(0);
	for (const key of special) {
		const [, kind = '', code = ''] = key.split('.');
		expect(kinds).toContain(kind);
		expect(words.codes).toContain(code);
	}
});

it('takes the language that is wanted', () => {
	expect(preferredLanguage(null, ['fr-FR', 'ko-KR', 'en'])).toBe('ko');
	expect(preferredLanguage('en', ['ko'])).toBe('en');
	expect(preferredLanguage('xx', [])).toBe('en');
});
