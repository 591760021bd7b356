// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';
import type { Volume } from '../api/types';
import { Button } from '../pf';
import { Facts, Panel, To } from '../ui/parts';
import { RetryLast } from '../ui/retry-task';
import { useMay } from '../ui/session';
import { StateLabel, Time, useWords } from '../ui/words';
import { OnePage } from './one';
import { DeleteVolume } from './volume-actions';

function Actions({ volume }: { volume: Volume }) {
	const { t } = useWords();
	const navigate = useNavigate();
	const [deleting, setDeleting] = useState(false);
	if (!useMay('operator')) return null;
	return (
		<>
			{volume.state === 'failed' && <RetryLast id={volume.id} />}
			<Button variant="secondary" isDanger isDisabled={Boolean(volume.vm) || volume.state === 'deleting'} onClick={() => setDeleting(true)}>
				{t('common.delete')}
			</Button>
			{deleting && <DeleteVolume volume={volume} onClose={() => setDeleting(false)} onDone={() => void navigate('/volumes')} />}
		</>
	);
}

function Summary({ volume }: { volume: Volume }) {
	const { t, bytes } = useWords();
	return (
		<div className="ingot-grid">
			<Panel title={t('tab.summary')}>
				<Facts
					facts={[
						[t('field.state'), <StateLabel key="s" state={volume.state} />],
						[t('field.size'), bytes(volume.size_bytes)],
						[t('kind.pool'), volume.pool ? <To to={`/pools/${volume.pool}`}>{volume.pool}</To> : null],
						[t('volume.clonedFrom'), volume.image ? <To to={`/images/${volume.image}`}>{volume.image_name ?? volume.image}</To> : t('volume.empty')],
						[t('field.created'), <Time key="c" at={volume.created} />],
						[t('field.id'), <code key="i">{volume.id}</code>],
					]}
				/>
			</Panel>
			<Panel title={t('field.usedBy')}>
				{volume.vm ? (
					<>
						<p>
							<To to={`/vms/${volume.vm}`}>{volume.vm_name ?? volume.vm}</To>
						</p>
						<p className="ingot-note">{t('volume.usedKept')}</p>
					</>
				) : (
					<p>{t('volume.unused')}</p>
				)}
			</Panel>
		</div>
	);
}

export default function VolumeScreen() {
	const { t } = useWords();
	return (
		<OnePage
			collection="volumes"
			kind="volume"
			failed={t('tasks.failed')}
			refetchInterval={4000}
			actions={(volume) => <Actions volume={volume} />}
			summary={(volume) => <Summary volume={volume} />}
		/>
	);
}
