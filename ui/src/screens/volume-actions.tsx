// SPDX-License-Identifier: GPL-3.0-or-later
import { useChange } from '../api/queries';
import type { Volume } from '../api/types';
import { DangerDialog } from '../ui/dialog';
import { useWords } from '../ui/words';

/** onDone: the server has said yes. */
export function DeleteVolume({ volume, onClose, onDone }: { volume: Volume; onClose: () => void; onDone: () => void }) {
	const { t, bytes } = useWords();
	const change = useChange();
	return (
		<DangerDialog
			title={t('volume.deleteTitle', { name: volume.name })}
			confirm={t('common.delete')}
			name={volume.name}
			lost={<p>{t('volume.lost', { size: bytes(volume.size_bytes) })}</p>}
			busy={change.isPending}
			error={change.error}
			onClose={onClose}
			onConfirm={() => change.mutate({ method: 'DELETE', path: `/v1/volumes/${volume.id}`, touches: ['volumes'], accepted: onDone })}
		/>
	);
}
