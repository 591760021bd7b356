// SPDX-License-Identifier: GPL-3.0-or-later
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { Button, Form, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, ModalVariant, TextInput } from '../pf';
import { ProblemAlert } from './problem-alert';
import { useWords } from './words';

/** A dialog with a form: Enter asks for it, Escape leaves it. It closes when the server said yes. */
export function Dialog(props: {
	title: string;
	confirm: string;
	danger?: boolean;
	busy?: boolean;
	disabled?: boolean;
	error?: unknown;
	onConfirm: () => void;
	onClose: () => void;
	children: ReactNode;
	wide?: boolean;
}) {
	const { t } = useWords();
	const id = useId();
	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (!props.disabled && !props.busy) props.onConfirm();
	};
	return (
		<Modal isOpen variant={props.wide ? ModalVariant.medium : ModalVariant.small} onClose={props.onClose} aria-labelledby={`${id}-title`}>
			<ModalHeader title={props.title} labelId={`${id}-title`} titleIconVariant={props.danger ? 'warning' : undefined} />
			<ModalBody>
				<Form id={id} onSubmit={submit}>
					{props.children}
					<ProblemAlert error={props.error} />
				</Form>
			</ModalBody>
			<ModalFooter>
				<Button
					type="submit"
					form={id}
					variant={props.danger ? 'danger' : 'primary'}
					isDisabled={props.disabled || props.busy}
					isLoading={props.busy}
				>
					{props.confirm}
				</Button>
				<Button variant="link" onClick={props.onClose}>
					{t('common.cancel')}
				</Button>
			</ModalFooter>
		</Modal>
	);
}

/** For what cannot be undone: says what will be lost and asks for the name. */
export function DangerDialog(props: {
	title: string;
	confirm: string;
	name: string;
	lost: ReactNode;
	wide?: boolean;
	busy?: boolean;
	error?: unknown;
	onConfirm: () => void;
	onClose: () => void;
}) {
	const { t } = useWords();
	const id = useId();
	const [typed, setTyped] = useState('');
	return (
		<Dialog {...props} danger disabled={typed !== props.name}>
			<div>{props.lost}</div>
			<FormGroup label={t('danger.type', { name: props.name })} fieldId={id}>
				<TextInput id={id} value={typed} autoComplete="off" onChange={(_event, value) => setTyped(value)} />
			</FormGroup>
		</Dialog>
	);
}
