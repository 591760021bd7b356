// SPDX-License-Identifier: GPL-3.0-or-later
// What events say, by their codes, where the server's own English names a thing as its API does ("machine.commission"). The rest is
// said as the server says it.
import type { EventCode } from '../api/types';

export const eventsEn: Partial<Record<EventCode, string>> = {
	'task.cancelled': '{action}: cancelled: {reason}',
	'task.failed': '{action}: failed: {reason}',
	'task.started': '{action}: started',
	'task.succeeded': '{action}: succeeded',
};
