// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import type { Machine } from '../api/types';
import { systemDisk } from './system-disk';

const GIB = 2 ** 30;
const machine = (disks: object[]) => ({ id: 'm', inventory: { disks } }) as unknown as Machine;

describe('systemDisk', () => {
	it('is the smallest that is large enough, free and named', () => {
		const disks = [
			{ serial: 'big', size_bytes: 64 * GIB },
			{ serial: 'tiny', size_bytes: GIB },
			{ serial: 'held', size_bytes: 8 * GIB, in_use: true },
			{ size_bytes: 9 * GIB },
			{ wwn: '0x5', size_bytes: 16 * GIB },
		];
		expect(systemDisk(machine(disks))?.wwn).toBe('0x5');
	});
	it('is none where nothing fits', () => {
		expect(systemDisk(machine([{ serial: 'tiny', size_bytes: GIB }]))).toBeUndefined();
		expect(systemDisk({ id: 'm' } as Machine)).toBeUndefined();
	});
});
