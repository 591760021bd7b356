// SPDX-License-Identifier: GPL-3.0-or-later
// Words in the languages there are. A key that is missing in one of them does not compile.
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { en } from './en';
import { eventsEn } from './events.en';

export const languages = { en: 'English', ko: '한국어' } as const;
export type Language = keyof typeof languages;
export type Key = keyof typeof en;
export type Words = Record<Key, string>;

const STORED = 'ingot.language';

declare module 'i18next' {
	interface CustomTypeOptions {
		keySeparator: false;
		nsSeparator: false;
		returnNull: false;
		resources: { translation: typeof en };
	}
}

const isLanguage = (text: string | null | undefined): text is Language => Boolean(text && text in languages);

export function preferredLanguage(stored: string | null, wanted: readonly string[]): Language {
	if (isLanguage(stored)) return stored;
	return wanted.map((tag) => tag.split('-')[0]).find(isLanguage) ?? 'en';
}

export async function setLanguage(language: Language, remember = true): Promise<void> {
	if (language === 'ko' && !i18next.hasResourceBundle('ko', 'translation')) {
		const [{ ko }, { eventsKo }] = await Promise.all([import('./ko'), import('./events.ko')]);
		i18next.addResourceBundle('ko', 'translation', ko);
		i18next.addResourceBundle('ko', 'events', eventsKo);
	}
	await i18next.changeLanguage(language);
	document.documentElement.lang = language;
	if (remember) localStorage.setItem(STORED, language);
}

export async function startI18n(): Promise<void> {
	await i18next.use(initReactI18next).init({
		lng: 'en',
		fallbackLng: 'en',
		keySeparator: false,
		nsSeparator: false,
		returnNull: false,
		interpolation: { escapeValue: false }, // React escapes
		resources: { en: { translation: en, events: eventsEn } },
	});
	await setLanguage(preferredLanguage(localStorage.getItem(STORED), navigator.languages), false);
}
