// SPDX-License-Identifier: GPL-3.0-or-later
import { useChange } from '../api/queries';
import type { Network } from '../api/types';
import { DangerDialog } from '../ui/dialog';
import { useUsers, UsedBy, type Users } from '../ui/used-by';
import { useWords } from '../ui/words';

/** The virtual machines that are in it. */
export const inNetwork = (network: Network): Users => ({ collection: 'vms', query: { networks: network.name } });

/** onDone: the server has said yes. */
export function DeleteNetwork({ network, onClose, onDone }: { network: Network; onClose: () => void; onDone: () => void }) {
	const { t } = useWords();
	const users = useUsers(inNetwork(network));
	const change = useChange();
	return (
		<DangerDialog
			title={t('network.deleteTitle', { name: network.name })}
			confirm={t('common.delete')}
			name={network.name}
			lost={
				users.total > 0 ? (
					<p>
						{t('network.inUse')} <UsedBy {...inNetwork(network)} />
					</p>
				) : (
					<p>{t('network.lost')}</p>
				)
			}
			busy={change.isPending}
			error={change.error}
			onClose={onClose}
			onConfirm={() => change.mutate({ method: 'DELETE', path: `/v1/networks/${network.id}`, touches: ['networks'], accepted: onDone })}
		/>
	);
}
