// SPDX-License-Identifier: GPL-3.0-or-later
// Against the bounds of the real API, as its document has them.
import { describe, expect, it } from 'vitest';
import { ruleOf, validate } from './validate';

describe('what is typed', () => {
	it('is checked by rules that are there', () => {
		expect(ruleOf('vm_request', 'name')?.required).toBe(true);
		expect(ruleOf('vm_request', 'nonsense')).toBeNull();
		expect(ruleOf('sign_in_request', 'password')?.required).toBe(true);
	});
	it('needs what is required', () => {
		expect(validate('vm_request', 'name', '')).toEqual({ key: 'validate.required' });
		expect(validate('machine_accept_request', 'name', '')).toBeNull();
	});
	it.each(['Web', 'a_b', '-a', 'a-', 'é', 'a'.repeat(64), '<b>'])('refuses the name %s', (name) =>
		expect(validate('vm_request', 'name', name)).toEqual({ key: 'validate.pattern' }),
	);
	it.each(['web', 'a', 'web-1', 'a'.repeat(63)])('takes the name %s', (name) => expect(validate('vm_request', 'name', name)).toBeNull());
	it.each(['rack\u001b[31m', 'rack\t1', 'rack\u200b', '\u202erack', 'rack\u2028'])('refuses the zone %j, which has what cannot be seen', (zone) =>
		expect(validate('machine_accept_request', 'zone', zone)).toEqual({ key: 'validate.printable' }),
	);
	it.each(['서울 3층', 'rack 1', 'Räume – 2'])('takes the zone %s', (zone) => expect(validate('machine_accept_request', 'zone', zone)).toBeNull());
	it('keeps numbers within bounds', () => {
		expect(validate('vm_request', 'cpus', '0')).toEqual({ key: 'validate.low', min: 1, bytes: false });
		expect(validate('vm_request', 'cpus', '257')).toEqual({ key: 'validate.high', max: 256, bytes: false });
		expect(validate('vm_request', 'cpus', '1.5')).toEqual({ key: 'validate.number' });
		expect(validate('vm_request', 'cpus', 'four')).toEqual({ key: 'validate.number' });
		expect(validate('vm_request', 'cpus', ' ')).toEqual({ key: 'validate.number' });
		expect(validate('vm_request', 'cpus', '4')).toBeNull();
	});
	it('keeps sizes within bounds', () => {
		expect(validate('vm_request', 'memory_bytes', '1 MiB')).toMatchObject({ key: 'validate.low', bytes: true });
		expect(validate('vm_request', 'memory_bytes', '1 GB')).toEqual({ key: 'validate.size' });
		expect(validate('vm_request', 'memory_bytes', '1 GiB')).toBeNull();
	});
	it('counts letters', () => {
		expect(validate('user_request', 'password', 'x'.repeat(1000))).toMatchObject({ key: 'validate.long' });
		expect(validate('image_request', 'sha256', 'zz')).toEqual({ key: 'validate.pattern' });
	});
});
