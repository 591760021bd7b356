// SPDX-License-Identifier: GPL-3.0-or-later
// Images; the content is uploaded in parts and goes on after a broken connection, also with the file chosen again later.
import { useEffect, useId, useRef, useState } from 'react';
import { call, newKey } from '../api/client';
import { asProblem } from '../api/problem';
import { queryClient, useChange } from '../api/queries';
import type { Image } from '../api/types';
import { upload } from '../api/upload';
import { Alert, Button, FormGroup } from '../pf';
import { DangerDialog, Dialog } from '../ui/dialog';
import { TextField, useComplaint } from '../ui/field';
import { Bar, Screen, Teach } from '../ui/parts';
import { ResourceTable, type Column } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { StateLabel, Time, useWords } from '../ui/words';

const STATES = ['available', 'uploading', 'importing', 'failed'] as const satisfies readonly Image['state'][];
const SECTOR = 512;

/** As much of it as there is room for; all of it is what is copied, and what pointing at it shows. */
function Hash({ text }: { text: string | null | undefined }) {
	return text ? <code className="ingot-hash" title={text}>{text}</code> : <>–</>;
}

function FileChoice({ onChoose }: { onChoose: (file: File | null) => void }) {
	const { t } = useWords();
	const id = useId();
	return (
		<FormGroup label={t('image.file')} isRequired fieldId={id}>
			<input id={id} type="file" onChange={(event) => onChoose(event.target.files?.[0] ?? null)} />
		</FormGroup>
	);
}

function UploadDialog({ image, onClose }: { image: Image | null; onClose: () => void }) {
	const { t, bytes } = useWords();
	const complain = useComplaint();
	const [name, setName] = useState(image?.name ?? '');
	const [sha256, setSha256] = useState('');
	const [file, setFile] = useState<File | null>(null);
	const [sent, setSent] = useState<number | null>(null);
	const [waiting, setWaiting] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const abort = useRef<AbortController | null>(null);
	const made = useRef<Image | null>(image);
	useEffect(() => () => abort.current?.abort(), []);
	const busy = sent !== null && !error;
	const odd = file ? file.size === 0 || file.size % SECTOR !== 0 : false;
	const other = file && made.current && made.current.size_bytes > 0 && made.current.size_bytes !== file.size;
	const start = async (chosen: File) => {
		setError(null);
		setSent(0);
		abort.current = new AbortController();
		try {
			made.current ??= await call<Image>('POST', '/v1/images', {
				body: { name, size_bytes: chosen.size, ...(sha256 ? { sha256 } : {}) },
				headers: { 'Idempotency-Key': newKey() },
			});
			await queryClient.invalidateQueries({ queryKey: ['images'] });
			await upload(`/v1/images/${made.current.id}/content`, chosen, {
				signal: abort.current.signal,
				progress: (offset) => {
					setWaiting(false);
					setSent(offset);
				},
				waiting: () => setWaiting(true),
			});
			onClose();
		} catch (reason) {
			if (!abort.current.signal.aborted) setError(asProblem(reason));
		} finally {
			void queryClient.invalidateQueries({ queryKey: ['images'] });
		}
	};
	return (
		<Dialog
			title={image ? t('image.resumeTitle', { name: image.name }) : t('image.add')}
			confirm={error ? t('common.again') : t('image.upload')}
			busy={busy}
			error={error}
			disabled={!file || odd || Boolean(other) || Boolean(complain('image_request', 'name', name)) || Boolean(complain('image_request', 'sha256', sha256))}
			onClose={onClose}
			onConfirm={() => file && void start(file)}
		>
			<p>{image ? t('image.resumeExplain', { size: bytes(image.size_bytes) }) : t('image.addExplain')}</p>
			{!image && <TextField label={t('field.name')} request="image_request" name="name" value={name} onChange={setName} required help={t('help.name')} error={error} />}
			<FileChoice onChoose={setFile} />
			{odd && <Alert variant="danger" isInline title={t('image.odd')} />}
			{other && <Alert variant="danger" isInline title={t('image.otherFile', { size: bytes(made.current?.size_bytes) })} />}
			{!image && <TextField label={t('image.sha256')} request="image_request" name="sha256" value={sha256} onChange={setSha256} help={t('image.sha256Help')} error={error} />}
			{sent !== null && file && (
				<div aria-live="polite">
					<Bar value={(sent / file.size) * 100} label={t('image.upload')} text={t('common.of', { part: bytes(sent), whole: bytes(file.size) })} />
					{waiting && <p>{t('image.waiting')}</p>}
				</div>
			)}
		</Dialog>
	);
}

function DeleteImage({ image, onClose }: { image: Image; onClose: () => void }) {
	const { t } = useWords();
	const change = useChange();
	return (
		<DangerDialog
			title={t('image.deleteTitle', { name: image.name })}
			confirm={t('common.delete')}
			name={image.name}
			lost={<p>{t('image.lost')}</p>}
			busy={change.isPending}
			error={change.error}
			onClose={onClose}
			onConfirm={() => change.mutate({ method: 'DELETE', path: `/v1/images/${image.id}`, touches: ['images'] }, { onSuccess: onClose })}
		/>
	);
}

export default function Images() {
	const { t, bytes } = useWords();
	const operator = useMay('operator');
	const [uploading, setUploading] = useState<Image | 'new' | null>(null);
	const [deleting, setDeleting] = useState<Image | null>(null);
	const columns: Column<Image>[] = [
		{ field: 'name', label: t('field.name'), sort: true, width: 22, cell: (image) => image.name },
		{ field: 'state', label: t('field.state'), sort: true, width: 14, cell: (image) => <StateLabel state={image.state} /> },
		{ field: 'size_bytes', label: t('field.size'), sort: true, width: 12, cell: (image) => bytes(image.size_bytes) },
		{ field: 'sha256', label: t('field.sha256'), width: 14, cell: (image) => <Hash text={image.sha256} /> },
		{ field: 'created', label: t('field.created'), sort: true, width: 12, cell: (image) => <Time at={image.created} ago /> },
		{ field: 'error', label: t('field.error'), width: 12, cell: (image) => image.error?.text ?? '–' },
		{
			field: 'actions',
			label: t('field.actions'),
			width: 14,
			cell: (image) =>
				operator && (
					<span className="ingot-actions">
						{image.state === 'uploading' && image.size_bytes > 0 && (
							<Button variant="link" isInline aria-label={t('image.resumeTitle', { name: image.name })} onClick={() => setUploading(image)}>
								{t('image.resume')}
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
			{deleting && <DeleteImage image={deleting} onClose={() => setDeleting(null)} />}
		</Screen>
	);
}
