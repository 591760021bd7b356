// SPDX-License-Identifier: GPL-3.0-or-later
import type { Vm } from '../api/types';

/** Names of the virtual machines that a node runs, or may run. */
export const runsOn = (node: string | null | undefined, vms: Vm[]): string[] =>
	node ? vms.filter((vm) => vm.node === node && vm.state !== 'stopped' && vm.state !== 'failed').map((vm) => vm.name) : [];
