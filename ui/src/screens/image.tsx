// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';
import type { Image } from '../api/types';
import { Button } from '../pf';
import { Facts, Hash, Panel, To } from '../ui/parts';
import { useMay } from '../ui/session';
import { UserList } from '../ui/used-by';
import { StateLabel, Time, useWords } from '../ui/words';
import { DeleteImage, takesContent, UploadDialog } from './image-actions';
import { OnePage } from './one';

function Actions({ image }: { image: Image }) {
	const { t } = useWords();
	const navigate = useNavigate();
	/** As it was when the dialog was opened: its state changes while it is sent. */
	const [uploading, setUploading] = useState<Image | null>(null);
	const [deleting, setDeleting] = useState(false);
	if (!useMay('operator')) return null;
	return (
		<>
			{takesContent(image) && (
				<Button variant="secondary" onClick={() => setUploading(image)}>
					{t(image.state === 'failed' ? 'image.again' : 'image.resume')}
				</Button>
			)}
			<Button variant="secondary" isDanger onClick={() => setDeleting(true)}>
				{t('common.delete')}
			</Button>
			{uploading && <UploadDialog image={uploading} onClose={() => setUploading(null)} />}
			{deleting && <DeleteImage image={image} onClose={() => setDeleting(false)} onDone={() => void navigate('/images')} />}
		</>
	);
}

function Summary({ image }: { image: Image }) {
	const { t, bytes } = useWords();
	return (
		<div className="ingot-grid">
			<Panel title={t('tab.summary')}>
				<Facts
					facts={[
						[t('field.state'), <StateLabel key="s" state={image.state} />],
						[t('field.size'), bytes(image.size_bytes)],
						[t('field.sha256'), <Hash key="h" text={image.sha256} />],
						[t('kind.pool'), image.pool ? <To to={`/pools/${image.pool}`}>{image.pool}</To> : null],
						[t('field.created'), <Time key="c" at={image.created} />],
						[t('field.id'), <code key="i">{image.id}</code>],
					]}
				/>
			</Panel>
			<Panel title={t('image.volumes')}>
				<UserList collection="volumes" query={{ image: image.id }} none={t('image.noVolumes')} />
			</Panel>
		</div>
	);
}

export default function ImageScreen() {
	const { t } = useWords();
	return (
		<OnePage
			collection="images"
			kind="image"
			failed={t('tasks.failed')}
			refetchInterval={4000}
			actions={(image) => <Actions image={image} />}
			summary={(image) => <Summary image={image} />}
		/>
	);
}
