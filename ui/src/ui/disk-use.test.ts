// SPDX-License-Identifier: GPL-3.0-or-later
import { expect, it } from 'vitest';
import type { Machine, Node } from '../api/types';
import { disksOf } from './disk-use';

const disk = (serial: string | null, over = {}) => ({ serial, wwn: null, model: 'M', path: null, size_bytes: 1, rotational: false, in_use: false, ...over });
const osd = (number: number, serial: string | null, over = {}) => ({ number, serial, wwn: null, uuid: `u${number}`, state: 'running', ...over });
const machine = (over: object) => ({ id: 'm', name: 'alpha', node: null, install_disk: null, inventory: null, ...over }) as unknown as Machine;
const node = (over: object) => ({ id: 'n', osds: [], ...over }) as unknown as Node;

it('says what each disk is used for', () => {
	const rows = disksOf(
		[machine({ node: 'n', install_disk: { serial: 'a', wwn: null }, inventory: { disks: [disk('a'), disk('b'), disk('c', { in_use: true }), disk('d')] } })],
		[node({ osds: [osd(4, 'b')] }), node({ id: 'other', osds: [osd(5, 'd')] })],
	);
	expect(rows.map((row) => [row.disk.serial, row.use])).toEqual([
		['a', { kind: 'system' }],
		['b', { kind: 'osd', number: 4, state: 'running' }],
		['c', { kind: 'inUse' }],
		['d', { kind: 'free' }],
	]);
	expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
});

it('knows a disk without a serial number by its WWN, and takes two without any name for two', () => {
	const rows = disksOf(
		[machine({ node: 'n', install_disk: { serial: null, wwn: null }, inventory: { disks: [disk(null, { wwn: 'w1' }), disk(null), disk(null)] } })],
		[node({ osds: [osd(0, null, { wwn: 'w1' })] })],
	);
	expect(rows.map((row) => row.use.kind)).toEqual(['osd', 'free', 'free']);
});

it('has the disks that came after the machine was looked at', () => {
	const rows = disksOf([machine({ node: 'n', inventory: { disks: [disk('a')] } }), machine({ id: 'm2', name: 'bare' })], [node({ osds: [osd(7, 'new')] })]);
	expect(rows.map((row) => [row.machine.name, row.disk.serial, row.use.kind])).toEqual([
		['alpha', 'a', 'free'],
		['alpha', 'new', 'osd'],
	]);
	expect(rows[1]?.disk.size_bytes).toBeUndefined();
});
