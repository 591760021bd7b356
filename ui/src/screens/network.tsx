// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';
import type { Network } from '../api/types';
import { Button } from '../pf';
import { Found, Sections } from '../ui/detail';
import { Facts, Foreign, Panel, Screen } from '../ui/parts';
import { useMay } from '../ui/session';
import { UserList } from '../ui/used-by';
import { Time, useWords } from '../ui/words';
import { DeleteNetwork, inNetwork } from './network-actions';
import { Timeline } from './timeline';

function Actions({ network }: { network: Network }) {
	const { t } = useWords();
	const navigate = useNavigate();
	const [deleting, setDeleting] = useState(false);
	if (!useMay('operator')) return null;
	return (
		<>
			<Button variant="secondary" isDanger onClick={() => setDeleting(true)}>
				{t('common.delete')}
			</Button>
			{deleting && <DeleteNetwork network={network} onClose={() => setDeleting(false)} onDone={() => void navigate('/networks')} />}
		</>
	);
}

function Summary({ network }: { network: Network }) {
	const { t } = useWords();
	return (
		<div className="ingot-grid">
			<Panel title={t('tab.summary')}>
				<Facts
					facts={[
						[t('field.vlan'), network.vlan ? network.vlan : t('network.untagged')],
						[t('field.mtu'), network.mtu],
						[t('field.description'), <Foreign key="d" text={network.description} />],
						[t('field.created'), <Time key="c" at={network.created} />],
						[t('field.id'), <code key="i">{network.id}</code>],
					]}
				/>
			</Panel>
			<Panel title={t('field.usedBy')}>
				<UserList {...inNetwork(network)} none={t('network.unused')} />
			</Panel>
		</div>
	);
}

export default function NetworkScreen() {
	const { t } = useWords();
	const back = { to: '/networks', label: t('nav.networks') };
	return (
		<Found collection="networks" title={t('kind.network')} back={back}>
			{(network, stale) => (
				<Screen title={network.name} back={back} actions={<Actions network={network} />}>
					{stale}
					<Sections
						sections={[
							{ key: 'summary', label: t('tab.summary'), content: () => <Summary network={network} /> },
							{ key: 'timeline', label: t('tab.timeline'), content: () => <Timeline id={network.id} /> },
						]}
					/>
				</Screen>
			)}
		</Found>
	);
}
