// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import type { Image } from '../api/types';
import { Button } from '../pf';
import { Hash, Screen, Teach, To } from '../ui/parts';
import { FailureLine } from '../ui/problem-alert';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { StateLabel, Time, useWords } from '../ui/words';
import { DeleteImage, takesContent, UploadDialog } from './image-actions';

const STATES = ['available', 'uploading', 'importing', 'failed'] as const satisfies readonly Image['state'][];

export default function Images() {
	const { t, bytes } = useWords();
	const operator = useMay('operator');
	const [uploading, setUploading] = useState<Image | 'new' | null>(null);
	const [deleting, setDeleting] = useState<Image | null>(null);
	const columns: Column<Image>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 22, cell: (image) => <To to={`/images/${image.id}`}>{image.name}</To> },
		{ field: 'state', label: t('field.state'), sort: true, width: 14, cell: (image) => <StateLabel state={image.state} /> },
		{ field: 'size_bytes', label: t('field.size'), sort: true, width: 12, cell: (image) => bytes(image.size_bytes) },
		{ field: 'sha256', label: t('field.sha256'), width: 13, cell: (image) => <Hash text={image.sha256} /> },
		{ field: 'created', label: t('field.created'), sort: true, width: 14, cell: (image) => <Time at={image.created} ago /> },
		{ field: 'error', label: t('field.error'), width: 11, cell: (image) => (image.error ? <FailureLine error={image.error} /> : '–') },
		{
			field: 'actions',
			label: t('field.actions'),
			width: 14,
			cell: (image) =>
				operator && (
					<span className="ingot-actions">
						{takesContent(image) && (
							<Button
								variant="link"
								isInline
								aria-label={t(image.state === 'failed' ? 'image.againTitle' : 'image.resumeTitle', { name: image.name })}
								onClick={() => setUploading(image)}
							>
								{t(image.state === 'failed' ? 'image.again' : 'image.resume')}
							</Button>
						)}
						<Button variant="link" isInline isDanger aria-label={t('common.deleteOne', { name: image.name })} onClick={() => setDeleting(image)}>
							{t('common.delete')}
						</Button>
					</span>
				),
		},
	];
	return (
		<Screen title={t('nav.images')}>
			<ResourceTable<Image>
				label={t('nav.images')}
				path="/v1/images"
				collection="images"
				columns={columns}
				filters={[{ field: 'state', label: t('field.state'), words: STATES }]}
				defaultSort="name"
				rowName={(image) => image.name}
				actions={operator && <Button onClick={() => setUploading('new')}>{t('image.add')}</Button>}
				empty={<Teach title={t('images.emptyTitle')}>{t('images.emptyBody')}</Teach>}
			/>
			{uploading && <UploadDialog image={uploading === 'new' ? null : uploading} onClose={() => setUploading(null)} />}
			{deleting && <DeleteImage image={deleting} onClose={() => setDeleting(null)} onDone={() => setDeleting(null)} />}
		</Screen>
	);
}
