// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { bodyOf, inputOf, keysOf, noCloudInit, withoutField } from './cloud-init';

describe('what a guest is given', () => {
	it('takes keys one a line', () => {
		expect(keysOf('# mine\r\n\n ssh-ed25519 AAAA me \nssh-rsa BBBB\n')).toEqual(['ssh-ed25519 AAAA me', 'ssh-rsa BBBB']);
	});
	it('sends nothing that was not filled in', () => {
		expect(bodyOf(noCloudInit)).toEqual({});
		expect(bodyOf({ ...noCloudInit, sshKeys: '\n# none\n' })).toEqual({});
	});
	it('sends user data as it was typed', () => {
		const form = { ...noCloudInit, userData: '#cloud-config\na: 1\n', hostname: 'www', networkConfig: 'version: 2' };
		expect(inputOf(form)).toEqual({ user_data: '#cloud-config\na: 1\n', network_config: 'version: 2' });
		expect(bodyOf(form)).toEqual({ user_data: '#cloud-config\na: 1\n', network_config: 'version: 2', hostname: 'www' });
	});
	it('says the field once', () => {
		expect(withoutField('user_data', 'user_data: line 3: is no YAML')).toBe('line 3: is no YAML');
		expect(withoutField('ssh_keys', 'ssh_keys[1]: is broken')).toBe('ssh_keys[1]: is broken');
	});
});
