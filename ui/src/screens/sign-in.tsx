// SPDX-License-Identifier: GPL-3.0-or-later
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { call } from '../api/client';
import type { Session } from '../api/types';
import { setLanguage, languages, type Language } from '../i18n';
import { Alert, Button, Card, CardBody, CardTitle, Form, FormSelect, FormSelectOption, Modal, ModalBody, ModalVariant } from '../pf';
import { TextField } from '../ui/field';
import { ProblemAlert } from '../ui/problem-alert';
import { useSession } from '../ui/session';
import { useWords } from '../ui/words';

export function LanguageChoice() {
	const { t, language } = useWords();
	return (
		<FormSelect value={language} aria-label={t('settings.language')} onChange={(_event, value) => void setLanguage(value as Language)}>
			{Object.entries(languages).map(([code, name]) => (
				<FormSelectOption key={code} value={code} label={name} lang={code} />
			))}
		</FormSelect>
	);
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
	const { t } = useWords();
	useEffect(() => {
		const before = document.title;
		document.title = `${title} · Ingot`;
		return () => void (document.title = before);
	}, [title]);
	return (
		<main className="ingot-sign-in">
			<p className="ingot-brand">
				<img src="/icon.svg" alt="" width="40" height="40" /> {t('product')}
			</p>
			<Card>
				<CardTitle component="h1">{title}</CardTitle>
				<CardBody>{children}</CardBody>
			</Card>
			<LanguageChoice />
		</main>
	);
}

export function SignIn() {
	const { t } = useWords();
	const { signIn, ended, problem, again } = useSession();
	const [name, setName] = useState('');
	const [password, setPassword] = useState('');
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const submit = (event: FormEvent) => {
		event.preventDefault();
		setBusy(true);
		setError(null);
		signIn(name, password).catch((reason: unknown) => {
			setError(reason);
			setPassword('');
			setBusy(false);
		});
	};
	if (problem)
		return (
			<Frame title={t('session.signIn')}>
				<ProblemAlert error={problem} />
				<Button onClick={again}>{t('common.again')}</Button>
			</Frame>
		);
	return (
		<Frame title={t('session.signIn')}>
			<Form onSubmit={submit}>
				{ended && <Alert variant="info" isInline title={t('session.ended')} />}
				<TextField label={t('session.name')} request="sign_in_request" name="name" value={name} onChange={setName} autoComplete="username" required error={error} />
				<TextField
					label={t('session.password')}
					request="sign_in_request"
					name="password"
					type="password"
					value={password}
					onChange={setPassword}
					autoComplete="current-password"
					required
					error={error}
				/>
				<ProblemAlert error={error} />
				<Button type="submit" isBlock isDisabled={busy || !name || !password} isLoading={busy}>
					{t('session.signIn')}
				</Button>
			</Form>
			<p className="ingot-note">{t('session.firstTime')}</p>
		</Frame>
	);
}

/** Keeps itself for readers and the Escape key where a dialog waits below: each of those hides all but itself from readers whenever it
 *  is drawn, and listens to Escape. */
function Foremost({ children }: { children: ReactNode }) {
	const own = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const box = own.current?.closest('.ingot-over');
		const show = () => box?.removeAttribute('aria-hidden');
		const hidden = new MutationObserver(show);
		if (box) hidden.observe(box, { attributes: true, attributeFilter: ['aria-hidden'] });
		show();
		const keep = (event: KeyboardEvent) => event.key === 'Escape' && event.stopPropagation();
		window.addEventListener('keydown', keep, true);
		return () => {
			hidden.disconnect();
			window.removeEventListener('keydown', keep, true);
		};
	}, []);
	return <div ref={own}>{children}</div>;
}

/** Over a page that waits, with what was typed into it, for its user to sign in again. */
export function SignInOver() {
	const { t } = useWords();
	return (
		<Modal isOpen variant={ModalVariant.small} aria-label={t('session.signIn')} backdropClassName="ingot-over">
			<ModalBody>
				<Foremost>
					<SignIn />
				</Foremost>
			</ModalBody>
		</Modal>
	);
}

export function PasswordForm({ onDone }: { onDone: (session: Session) => void }) {
	const { t } = useWords();
	const [current, setCurrent] = useState('');
	const [password, setPassword] = useState('');
	const [repeat, setRepeat] = useState('');
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const differs = repeat !== '' && repeat !== password;
	const submit = (event: FormEvent) => {
		event.preventDefault();
		setBusy(true);
		setError(null);
		call<Session>('POST', '/v1/session/password', { body: { current, password } })
			.then((session) => {
				setCurrent('');
				setPassword('');
				setRepeat('');
				onDone(session);
			})
			.catch(setError)
			.finally(() => setBusy(false));
	};
	return (
		<Form onSubmit={submit}>
			<TextField
				label={t('password.current')}
				request="password_change_request"
				name="current"
				type="password"
				value={current}
				onChange={setCurrent}
				autoComplete="current-password"
				required
				error={error}
			/>
			<TextField
				label={t('password.new')}
				request="password_change_request"
				name="password"
				type="password"
				value={password}
				onChange={setPassword}
				autoComplete="new-password"
				required
				error={error}
			/>
			<TextField
				label={t('password.repeat')}
				request="none"
				name="repeat"
				type="password"
				value={repeat}
				onChange={setRepeat}
				autoComplete="new-password"
				required
				complaint={differs ? t('password.differs') : null}
			/>
			<ProblemAlert error={error} />
			<Button type="submit" isDisabled={busy || !current || !password || repeat !== password} isLoading={busy}>
				{t('password.change')}
			</Button>
		</Form>
	);
}

export function NewPassword({ forced }: { forced?: boolean }) {
	const { t } = useWords();
	const { renew, signOut } = useSession();
	const [staying, setStaying] = useState<unknown>(null);
	return (
		<Frame title={t('password.title')}>
			{forced && <Alert variant="info" isInline title={t('password.forced')} />}
			<PasswordForm onDone={renew} />
			<ProblemAlert error={staying} lead={t('session.staying')} />
			<Button variant="link" onClick={() => void signOut().catch(setStaying)}>
				{t('session.signOut')}
			</Button>
		</Frame>
	);
}
