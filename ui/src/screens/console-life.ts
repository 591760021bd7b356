// SPDX-License-Identifier: GPL-3.0-or-later
import type { Vm } from '../api/types';

/** Another word with each start of a virtual machine, and none while there is no console. */
export const lifeOfVm = (vm: Vm): string => (['running', 'migrating', 'stopping'].includes(vm.state) ? `${vm.generation}` : '');
