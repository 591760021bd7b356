// SPDX-License-Identifier: GPL-3.0-or-later
import { useState, type ReactNode } from 'react';
import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader, ModalVariant } from '../pf';
import { useWords } from './words';

/** A secret that the server tells this once: to be copied, then gone from the page. */
export function ShownOnce({ title, label, secret, children, onClose }: { title: string; label: string; secret: string; children?: ReactNode; onClose: () => void }) {
	const { t } = useWords();
	const [copied, setCopied] = useState<boolean | 'refused'>(false);
	const copy = () => {
		const write = async () => navigator.clipboard.writeText(secret);
		write().then(
			() => setCopied(true),
			() => setCopied('refused'),
		);
	};
	return (
		<Modal isOpen variant={ModalVariant.medium} onClose={onClose} aria-labelledby="secret-title">
			<ModalHeader title={title} labelId="secret-title" />
			<ModalBody>
				<Alert variant="warning" isInline title={t('token.once')} />
				<pre className="ingot-log" tabIndex={0} aria-label={label}>
					{secret}
				</pre>
				{copied === 'refused' && <Alert variant="danger" isInline title={t('common.copyRefused')} role="alert" />}
				{children}
			</ModalBody>
			<ModalFooter>
				<Button onClick={copy}>
					{copied === true ? t('common.copied') : t('common.copy')}
				</Button>
				<Button variant="link" onClick={onClose}>
					{t('common.close')}
				</Button>
			</ModalFooter>
		</Modal>
	);
}
