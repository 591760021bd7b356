// SPDX-License-Identifier: GPL-3.0-or-later
// A console in a tab or a window of its own: gets a ticket, opens it, and gets another after a broken connection.
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react';
import { call } from '../api/client';
import { asProblem } from '../api/problem';
import type { ConsoleTicket } from '../api/types';
import { Button, Spinner } from '../pf';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';

const SerialTerminal = lazy(() => import('./terminal'));
const VncScreen = lazy(() => import('./vnc'));

export type KeyChord = readonly string[];
export interface Controls {
	paste: (text: string) => void;
	press: ((chord: KeyChord) => void) | null;
}
export interface Connection {
	url: string;
	label: string;
	onOpen: () => void;
	onClose: (reason: string) => void;
	onReady: (controls: Controls) => void;
}
const CHORDS: [string, KeyChord][] = [
	['Ctrl+Alt+Del', ['Control', 'Alt', 'Delete']],
	['Ctrl+Alt+F1', ['Control', 'Alt', 'F1']],
	['Ctrl+Alt+F2', ['Control', 'Alt', 'F2']],
	['Alt+Tab', ['Alt', 'Tab']],
];
const RETRY_MS = [1000, 2000, 5000, 10000];

export default function ConsolePanel(props: { collection: 'vms' | 'machines'; id: string; name: string; kind: 'serial' | 'vnc'; alone?: boolean }) {
	const { t } = useWords();
	const { collection, id, kind } = props;
	const [url, setUrl] = useState<string | null>(null);
	const [state, setState] = useState<'connecting' | 'open' | 'closed'>('connecting');
	const [reason, setReason] = useState('');
	const [error, setError] = useState<unknown>(null);
	const [pasting, setPasting] = useState<string | null>(null);
	const controls = useRef<Controls | null>(null);
	const tries = useRef(0);
	const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
	const alive = useRef(true);

	const connect = useCallback(() => {
		clearTimeout(timer.current);
		setState('connecting');
		setError(null);
		setUrl(null);
		call<ConsoleTicket>('POST', `/v1/${collection}/${encodeURIComponent(id)}/console-ticket`, { body: { kind } }).then(
			(ticket) => {
				if (!alive.current) return;
				const address = new URL(ticket.url, location.href);
				address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
				setUrl(address.href);
			},
			(problem: unknown) => {
				if (!alive.current) return;
				setError(asProblem(problem));
				setState('closed');
			},
		);
	}, [collection, id, kind]);

	useEffect(() => {
		alive.current = true;
		connect();
		return () => {
			alive.current = false;
			clearTimeout(timer.current);
		};
	}, [connect]);

	const onOpen = useCallback(() => {
		tries.current = 0;
		setState('open');
	}, []);
	const onClose = useCallback(
		(why: string) => {
			setState('closed');
			setReason(why);
			controls.current = null;
			const wait = RETRY_MS[tries.current];
			tries.current++;
			if (wait !== undefined) timer.current = setTimeout(connect, wait);
		},
		[connect],
	);
	const onReady = useCallback((ready: Controls) => {
		controls.current = ready;
	}, []);

	const connection: Connection | null = url ? { url, label: t('console.of', { name: props.name }), onOpen, onClose, onReady } : null;
	return (
		<div className={props.alone ? 'ingot-console ingot-console-alone' : 'ingot-console'}>
			<div className="ingot-actions" role="toolbar" aria-label={t('console.tools')}>
				<span data-console-state={state} aria-live="polite">
					{t(`console.${state}`)}
				</span>
				{state === 'closed' && (
					<Button
						size="sm"
						variant="secondary"
						onClick={() => {
							tries.current = 0;
							connect();
						}}
					>
						{t('console.reconnect')}
					</Button>
				)}
				<Button size="sm" variant="secondary" isDisabled={state !== 'open'} onClick={() => setPasting('')}>
					{t('console.paste')}
				</Button>
				{kind === 'vnc' &&
					CHORDS.map(([label, chord]) => (
						<Button key={label} size="sm" variant="secondary" isDisabled={state !== 'open'} onClick={() => controls.current?.press?.(chord)}>
							{label}
						</Button>
					))}
				{!props.alone && (
					<Button
						size="sm"
						variant="link"
						onClick={() => window.open(`/console/${collection}/${encodeURIComponent(id)}/${kind}`, '_blank', 'popup,noopener,width=1100,height=760')}
					>
						{t('console.window')}
					</Button>
				)}
			</div>
			<ProblemAlert error={error} />
			{state === 'closed' && reason && <p className="ingot-note">{reason}</p>}
			{connection && (
				<Suspense fallback={<Spinner aria-label={t('common.loading')} />}>
					{kind === 'serial' ? <SerialTerminal key={connection.url} {...connection} /> : <VncScreen key={connection.url} {...connection} />}
				</Suspense>
			)}
			{kind === 'serial' && <p className="ingot-note">{t('console.leave')}</p>}
			{pasting !== null && (
				<Dialog
					title={t('console.paste')}
					confirm={t('console.paste')}
					disabled={!pasting}
					onClose={() => setPasting(null)}
					onConfirm={() => {
						controls.current?.paste(pasting);
						setPasting(null);
					}}
				>
					<label htmlFor="console-paste">{t('console.pasteText')}</label>
					<textarea id="console-paste" rows={6} value={pasting} onChange={(event) => setPasting(event.target.value)} />
				</Dialog>
			)}
		</div>
	);
}
