// SPDX-License-Identifier: GPL-3.0-or-later
// Which disk a deploy is proposed to write. The server takes none by itself where there is a choice: a person sees it first.
import type { Machine } from '../api/types';

export const SYSTEM_DISK_MIN_BYTES = 8 * 2 ** 30;

export type Disk = NonNullable<NonNullable<Machine['inventory']>['disks']>[number];

/** What names a disk in a request: its serial number, or else its WWN. */
export const diskName = (disk: Disk): string | undefined => disk.serial ?? disk.wwn ?? undefined;

/** The smallest that is large enough, not in use, and has a name; undefined if there is none. */
export function systemDisk(machine: Machine): Disk | undefined {
	return (machine.inventory?.disks ?? [])
		.filter((disk) => diskName(disk) && !disk.in_use && (disk.size_bytes ?? 0) >= SYSTEM_DISK_MIN_BYTES)
		.sort((a, b) => (a.size_bytes ?? 0) - (b.size_bytes ?? 0))[0];
}

type Named = { serial: string | null; wwn: string | null };
/** Whether these are one disk, as far as it has a name. */
export const isSameDisk = (one: Named, other: Named) => Boolean((one.serial && one.serial === other.serial) || (one.wwn && one.wwn === other.wwn));
