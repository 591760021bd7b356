// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useAll, useChange } from '../api/queries';
import type { Volume } from '../api/types';
import { Button } from '../pf';
import { Dialog } from '../ui/dialog';
import { SelectField, TextField, useComplaint } from '../ui/field';
import { parseBytes } from '../ui/format';
import { Screen, Teach, To } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { StateLabel, Time, useWords } from '../ui/words';
import { DeleteVolume } from './volume-actions';

const STATES = ['available', 'in_use', 'creating', 'deleting', 'failed'] as const satisfies readonly Volume['state'][];

function CreateVolume({ onClose }: { onClose: () => void }) {
	const { t, bytes } = useWords();
	const complain = useComplaint();
	const images = useAll('images', { state: 'available' });
	const [name, setName] = useState('');
	const [image, setImage] = useState('');
	const [size, setSize] = useState('');
	const change = useChange<Volume>();
	const bad = complain('volume_request', 'name', name) ?? complain('volume_request', 'size_bytes', size) ?? (!image && !size);
	return (
		<Dialog
			title={t('volume.create')}
			confirm={t('common.create')}
			busy={change.isPending}
			error={change.error}
			disabled={Boolean(bad)}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					{ method: 'POST', path: '/v1/volumes', body: { name, ...(image ? { image } : {}), ...(size ? { size_bytes: parseBytes(size) } : {}) }, touches: ['volumes'] },
					{ onSuccess: onClose },
				)
			}
		>
			<TextField label={t('field.name')} request="volume_request" name="name" value={name} onChange={setName} required help={t('help.name')} error={change.error} />
			<SelectField
				label={t('field.image')}
				request="volume_request"
				name="image"
				value={image}
				onChange={setImage}
				options={[{ value: '', label: t('volume.empty') }, ...(images.data ?? []).map((each) => ({ value: each.id, label: `${each.name} · ${bytes(each.size_bytes)}` }))]}
				help={t('volume.imageHelp')}
				error={change.error}
			/>
			<TextField
				label={t('field.size')}
				request="volume_request"
				name="size_bytes"
				value={size}
				onChange={setSize}
				required={!image}
				placeholder="10 GiB"
				help={image ? t('volume.sizeOfImage') : t('help.size')}
				error={change.error}
			/>
		</Dialog>
	);
}

export default function Volumes() {
	const { t, bytes } = useWords();
	const operator = useMay('operator');
	const [creating, setCreating] = useState(false);
	const [deleting, setDeleting] = useState<Volume | null>(null);
	const columns: Column<Volume>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 22, cell: (volume) => <To to={`/volumes/${volume.id}`}>{volume.name}</To> },
		{ field: 'state', label: t('field.state'), sort: true, width: 14, cell: (volume) => <span title={volume.error?.text ?? undefined}><StateLabel state={volume.state} /></span> },
		{ field: 'size_bytes', label: t('field.size'), sort: true, width: 12, cell: (volume) => bytes(volume.size_bytes) },
		{ field: 'image_name', label: t('field.image'), width: 14, cell: (volume) => (volume.image ? <To to={`/images/${volume.image}`}>{volume.image_name ?? volume.image}</To> : '–') },
		{ field: 'vm_name', label: t('kind.vm'), width: 14, cell: (volume) => (volume.vm ? <To to={`/vms/${volume.vm}`}>{volume.vm_name ?? volume.vm}</To> : '–') },
		{ field: 'created', label: t('field.created'), sort: true, width: 14, cell: (volume) => <Time at={volume.created} ago /> },
		{
			field: 'actions',
			label: t('field.actions'),
			width: 10,
			cell: (volume) =>
				operator && (
					<Button variant="link" isInline isDanger isDisabled={Boolean(volume.vm)} aria-label={t('common.deleteOne', { name: volume.name })} onClick={() => setDeleting(volume)}>
						{t('common.delete')}
					</Button>
				),
		},
	];
	const create = operator && <Button onClick={() => setCreating(true)}>{t('volume.create')}</Button>;
	return (
		<Screen title={t('nav.volumes')}>
			<ResourceTable<Volume>
				label={t('nav.volumes')}
				path="/v1/volumes"
				collection="volumes"
				columns={columns}
				filters={[{ field: 'state', label: t('field.state'), words: STATES }]}
				defaultSort="name"
				rowName={(volume) => volume.name}
				actions={create}
				empty={<Teach title={t('volumes.emptyTitle')}>{t('volumes.emptyBody')}</Teach>}
			/>
			{creating && <CreateVolume onClose={() => setCreating(false)} />}
			{deleting && <DeleteVolume volume={deleting} onClose={() => setDeleting(null)} onDone={() => setDeleting(null)} />}
		</Screen>
	);
}
