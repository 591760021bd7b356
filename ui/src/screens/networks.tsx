// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useChange } from '../api/queries';
import type { Network } from '../api/types';
import { Button } from '../pf';
import { Dialog } from '../ui/dialog';
import { TextField, useComplaint } from '../ui/field';
import { Foreign, Screen, Teach, To } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { UsedBy } from '../ui/used-by';
import { Time, useWords } from '../ui/words';
import { DeleteNetwork, inNetwork } from './network-actions';

function CreateNetwork({ onClose }: { onClose: () => void }) {
	const { t } = useWords();
	const complain = useComplaint();
	const [name, setName] = useState('');
	const [vlan, setVlan] = useState('');
	const [mtu, setMtu] = useState('1500');
	const [description, setDescription] = useState('');
	const change = useChange<Network>();
	const bad =
		complain('network_request', 'name', name) ??
		complain('network_request', 'vlan', vlan) ??
		complain('network_request', 'mtu', mtu) ??
		complain('network_request', 'description', description);
	const body = { name, vlan: Number(vlan || '0'), ...(mtu ? { mtu: Number(mtu) } : {}), ...(description ? { description } : {}) };
	return (
		<Dialog
			title={t('network.create')}
			confirm={t('common.create')}
			busy={change.isPending}
			error={change.error}
			disabled={Boolean(bad)}
			onClose={onClose}
			onConfirm={() => change.mutate({ method: 'POST', path: '/v1/networks', body, touches: ['networks'] }, { onSuccess: onClose })}
		>
			<TextField label={t('field.name')} request="network_request" name="name" value={name} onChange={setName} required help={t('help.name')} error={change.error} />
			<TextField label={t('field.vlan')} request="network_request" name="vlan" type="number" value={vlan} onChange={setVlan} help={t('network.vlanHelp')} error={change.error} />
			<TextField label={t('field.mtu')} request="network_request" name="mtu" type="number" value={mtu} onChange={setMtu} help={t('network.mtuHelp')} error={change.error} />
			<TextField label={t('field.description')} request="network_request" name="description" value={description} onChange={setDescription} error={change.error} />
		</Dialog>
	);
}

export default function Networks() {
	const { t } = useWords();
	const operator = useMay('operator');
	const [creating, setCreating] = useState(false);
	const [deleting, setDeleting] = useState<Network | null>(null);
	const columns: Column<Network>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 18, cell: (network) => <To to={`/networks/${network.id}`}>{network.name}</To> },
		{ field: 'vlan', label: t('field.vlan'), sort: true, width: 12, cell: (network) => (network.vlan ? network.vlan : t('network.untagged')) },
		{ field: 'mtu', label: t('field.mtu'), sort: true, width: 8, cell: (network) => network.mtu },
		{ field: 'description', label: t('field.description'), width: 19, cell: (network) => <Foreign text={network.description} /> },
		{ field: 'used', label: t('field.usedBy'), width: 19, cell: (network) => <UsedBy {...inNetwork(network)} /> },
		{ field: 'created', label: t('field.created'), sort: true, width: 14, cell: (network) => <Time at={network.created} ago /> },
		{
			field: 'actions',
			label: t('field.actions'),
			width: 10,
			cell: (network) =>
				operator && (
					<Button variant="link" isInline isDanger aria-label={t('common.deleteOne', { name: network.name })} onClick={() => setDeleting(network)}>
						{t('common.delete')}
					</Button>
				),
		},
	];
	return (
		<Screen title={t('nav.networks')}>
			<ResourceTable<Network>
				label={t('nav.networks')}
				path="/v1/networks"
				collection="networks"
				columns={columns}
				filters={[]}
				defaultSort="name"
				rowName={(network) => network.name}
				actions={operator && <Button onClick={() => setCreating(true)}>{t('network.create')}</Button>}
				empty={<Teach title={t('networks.emptyTitle')}>{t('networks.emptyBody')}</Teach>}
			/>
			{creating && <CreateNetwork onClose={() => setCreating(false)} />}
			{deleting && <DeleteNetwork network={deleting} onClose={() => setDeleting(null)} onDone={() => setDeleting(null)} />}
		</Screen>
	);
}
