// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever failed, it is said what and what to do in the language of the person; the server's own words are marked as English.
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeAll, expect, it } from 'vitest';
import type { ResourceProblem } from '../api/types';
import words from '../api/words.gen.json';
import { setLanguage, startI18n } from '../i18n';
import { ko } from '../i18n/ko';
import { FailureLine, ResourceError, type FailedKind } from './problem-alert';

const HANGUL = /[\uac00-\ud7a3]/;
const TEXT = 'the machine took longer than 600 s';
const failed = (code: string) => ({ code, text: TEXT, field: null }) as ResourceProblem;
const show = (code: string, kind?: FailedKind) => {
	render(<ResourceError error={failed(code)} title="실패했습니다" kind={kind} />);
	const english = screen.getByText(TEXT);
	expect(english.lang).toBe('en');
	english.remove();
	return document.body.textContent ?? '';
};

beforeAll(async () => {
	await startI18n();
	await setLanguage('ko');
});
afterEach(cleanup);

it.each(words.codes)('what failed as %s has a Korean title and remedy', (code) => {
	const shown = show(code);
	const said = ko as Record<string, string>;
	expect(shown).toContain(said[`failure.${code}`]);
	expect(shown).toContain(said[`failureRemedy.${code}`]);
	// All that is not marked as English is Korean, but for names.
	expect(shown.replace(/BMC/g, '')).not.toMatch(/[a-z]{3}/i);
});

it('tells what to do about the kind of thing that failed', () => {
	expect(show('timeout', 'machine')).toContain(ko['failureRemedy.machine.timeout']);
	cleanup();
	expect(show('timeout', 'volume')).toContain(ko['failureRemedy.timeout']);
	cleanup();
	expect(show('credentials', 'bmc')).toContain(ko['failureRemedy.bmc.credentials']);
});

it('says something of a code of a newer server', () => {
	expect(show('from-the-future')).toContain(ko['failure.internal']);
});

it('is short within a list', () => {
	render(<FailureLine error={failed('unreachable')} />);
	expect(screen.getByText(TEXT).lang).toBe('en');
	expect(document.body.textContent).toMatch(HANGUL);
	expect(document.body.textContent).not.toContain(ko['failureRemedy.unreachable']);
});
