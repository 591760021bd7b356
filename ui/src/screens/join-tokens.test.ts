// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import { spent } from './join-tokens';

const join = { uuid: 'u', machine: null, joined_at: null };

it('says of a token whether anybody can still join by it', () => {
	const now = Date.parse('2026-01-01T12:00:00Z');
	const token = { uses: 2, joins: [join], expires_at: '2026-01-01T13:00:00Z' };
	expect(spent(token, now)).toBeNull();
	expect(spent({ ...token, joins: [join, join] }, now)).toBe('used');
	expect(spent({ ...token, expires_at: '2026-01-01T12:00:00Z' }, now)).toBe('expired');
});
