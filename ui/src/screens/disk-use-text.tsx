// SPDX-License-Identifier: GPL-3.0-or-later
import type { DiskUse } from '../ui/disk-use';
import { StateLabel, useWords } from '../ui/words';

export function DiskUseText({ use }: { use: DiskUse }) {
	const { t } = useWords();
	switch (use.kind) {
		case 'system':
			return t('machine.diskSystem');
		case 'osd':
			return (
				<>
					{use.number >= 0 ? t('disks.osd', { number: use.number }) : t('field.osd')} <StateLabel state={use.state} />
				</>
			);
		case 'inUse':
			return t('machine.diskInUse');
		case 'free':
			return t('machine.diskFree');
	}
}
