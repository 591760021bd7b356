// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to images; the content is uploaded in parts and goes on after a broken connection, also with the file chosen again
// later.
import { useEffect, useId, useRef, useState } from 'react';
import { asProblem } from '../api/problem';
import { queryClient, useChange } from '../api/queries';
import type { Image } from '../api/types';
import { upload } from '../api/upload';
import { Alert, FormGroup } from '../pf';
import { DangerDialog, Dialog } from '../ui/dialog';
import { TextField, useComplaint } from '../ui/field';
import { Bar } from '../ui/parts';
import { useWords } from '../ui/words';

const SECTOR = 512;

/** Whether it takes content: what is missing of it, or all of it again. One whose size nobody announced cannot be sent in parts. */
export const takesContent = (image: Image) => (image.state === 'uploading' || image.state === 'failed') && image.size_bytes > 0;

function FileChoice({ onChoose }: { onChoose: (file: File | null) => void }) {
	const { t } = useWords();
	const id = useId();
	return (
		<FormGroup label={t('image.file')} isRequired fieldId={id}>
			<input id={id} type="file" onChange={(event) => onChoose(event.target.files?.[0] ?? null)} />
		</FormGroup>
	);
}

export function UploadDialog({ image, onClose }: { image: Image | null; onClose: () => void }) {
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
	const create = useChange<Image>();
	useEffect(() => () => abort.current?.abort(), []);
	const busy = sent !== null && !error;
	const odd = file ? file.size === 0 || file.size % SECTOR !== 0 : false;
	const other = file && made.current && made.current.size_bytes > 0 && made.current.size_bytes !== file.size;
	const start = async (chosen: File) => {
		setError(null);
		setSent(0);
		abort.current = new AbortController();
		try {
			made.current ??= await create.mutateAsync({
				method: 'POST',
				path: '/v1/images',
				body: { name, size_bytes: chosen.size, ...(sha256 ? { sha256 } : {}) },
				touches: [],
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
			title={image ? t(image.state === 'failed' ? 'image.againTitle' : 'image.resumeTitle', { name: image.name }) : t('image.add')}
			confirm={error ? t('common.again') : t('image.upload')}
			busy={busy}
			error={error}
			disabled={!file || odd || Boolean(other) || Boolean(complain('image_request', 'name', name)) || Boolean(complain('image_request', 'sha256', sha256))}
			onClose={onClose}
			onConfirm={() => file && void start(file)}
		>
			<p>{image ? t(image.state === 'failed' ? 'image.againExplain' : 'image.resumeExplain', { size: bytes(image.size_bytes) }) : t('image.addExplain')}</p>
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

/** onDone: the server has said yes. */
export function DeleteImage({ image, onClose, onDone }: { image: Image; onClose: () => void; onDone: () => void }) {
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
			onConfirm={() => change.mutate({ method: 'DELETE', path: `/v1/images/${image.id}`, touches: ['images'], accepted: onDone })}
		/>
	);
}
