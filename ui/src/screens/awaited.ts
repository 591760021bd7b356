// SPDX-License-Identifier: GPL-3.0-or-later
import type { Node } from '../api/types';

/** Awaited since an older state of the provisioner has come back, and silent. Those that report say what they run by themselves, within
 * seconds. */
export const isMissed = (node: Node): boolean => node.awaited && node.health !== 'ready';
