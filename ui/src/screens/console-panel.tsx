// SPDX-License-Identifier: GPL-3.0-or-later
// A console in a tab or a window of its own, with what is done to it: paste, key combinations, connecting again.
import { lazy, Suspense, useCallback, useRef, useState, type KeyboardEvent } from 'react';
import { Button, Spinner } from '../pf';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';
import { useConsoleLife, type ConsoleKind } from './console-connection';

const SerialTerminal = lazy(() => import('./terminal'));
const VncScreen = lazy(() => import('./vnc'));

export type KeyChord = readonly string[];
export interface Controls {
	/** Types a text; the answer: the characters that cannot be. */
	paste: (text: string) => string[];
	press: ((chord: KeyChord) => void) | null;
	/** Lets go of the connection, without a word of it. */
	drop: () => void;
}
export interface Connection {
	url: string;
	label: string;
	onOpen: () => void;
	/** Status and reason of the close frame (RFC 6455 section 7.4). */
	onClose: (code: number, reason: string) => void;
	onReady: (controls: Controls) => void;
	/** How much is still to be typed. */
	onTyping: (left: number) => void;
}
const CHORDS: [string, KeyChord][] = [
	['Ctrl+Alt+Del', ['Control', 'Alt', 'Delete']],
	['Ctrl+Alt+F1', ['Control', 'Alt', 'F1']],
	['Ctrl+Alt+F2', ['Control', 'Alt', 'F2']],
	['Alt+Tab', ['Alt', 'Tab']],
];

export default function ConsolePanel(props: {
	collection: 'vms' | 'machines';
	id: string;
	name: string;
	kind: ConsoleKind;
	/** Changes with each start of what is looked at; empty while it does not run. */
	life: string;
	/** Said of a console that is silent for a reason. */
	note?: string;
	alone?: boolean;
}) {
	const { t } = useWords();
	const { collection, id, kind } = props;
	const [pasting, setPasting] = useState<string | null>(null);
	const [left, setLeft] = useState(0);
	const [missing, setMissing] = useState<string[]>([]);
	const controls = useRef<Controls | null>(null);
	const toolbar = useRef<HTMLDivElement>(null);
	const drop = useCallback(() => controls.current?.drop(), []);
	const { url, state, end, reason, error, connect, opened, closed } = useConsoleLife(collection, id, kind, props.life, drop);
	const onReady = useCallback((ready: Controls) => {
		controls.current = ready;
		setLeft(0);
	}, []);
	// Before the console takes it: whoever has no mouse would stay in there.
	const leave = (event: KeyboardEvent) => {
		if (!(event.ctrlKey && event.shiftKey && event.key === 'F6')) return;
		event.preventDefault();
		event.stopPropagation();
		toolbar.current?.querySelector<HTMLElement>('button:not(:disabled)')?.focus();
	};
	const connection: Connection | null = url ? { url, label: t('console.of', { name: props.name }), onOpen: opened, onClose: closed, onReady, onTyping: setLeft } : null;
	return (
		<div className={props.alone ? 'ingot-console ingot-console-alone' : 'ingot-console'}>
			<div className="ingot-actions" role="toolbar" aria-label={t('console.tools')} ref={toolbar}>
				<span data-console-state={state} aria-live="polite">
					{t(`console.${state}`)}
				</span>
				{state === 'closed' && (
					<Button size="sm" variant="secondary" onClick={connect}>
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
			{state !== 'open' && end && (
				<p className="ingot-note" role="status" data-console-end={end}>
					{t(`console.end.${end}`)} {reason}
				</p>
			)}
			<ProblemAlert error={error} />
			{props.note && <p className="ingot-note">{props.note}</p>}
			{left > 0 && <p className="ingot-note">{t('console.typing', { count: left })}</p>}
			{missing.length > 0 && <p className="ingot-note">{t('console.missing', { characters: missing.join(' ') })}</p>}
			{connection && (
				<div className={state === 'open' ? undefined : 'ingot-console-dead'} onKeyDownCapture={leave}>
					<Suspense fallback={<Spinner aria-label={t('common.loading')} />}>
						{kind === 'serial' ? <SerialTerminal key={connection.url} {...connection} /> : <VncScreen key={connection.url} {...connection} />}
					</Suspense>
				</div>
			)}
			<p className="ingot-note">{t('console.leave')}</p>
			{pasting !== null && (
				<Dialog
					title={t('console.paste')}
					confirm={t('console.paste')}
					disabled={!pasting}
					onClose={() => setPasting(null)}
					onConfirm={() => {
						setMissing(controls.current?.paste(pasting) ?? []);
						setPasting(null);
					}}
				>
					{kind === 'vnc' && <p>{t('console.pasteKeys')}</p>}
					<label htmlFor="console-paste">{t('console.pasteText')}</label>
					<textarea id="console-paste" rows={6} value={pasting} onChange={(event) => setPasting(event.target.value)} />
				</Dialog>
			)}
		</div>
	);
}
