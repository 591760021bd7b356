// SPDX-License-Identifier: GPL-3.0-or-later
import { useEffect, type ReactNode } from 'react';
import { useParams } from 'react-router-dom';
import { useOne } from '../api/queries';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';
import { lifeOfVm } from './console-life';
import ConsolePanel from './console-panel';

const LOOK_MS = 2000;

function Frame({ name, error, children }: { name: string; error: unknown; children: ReactNode }) {
	const { t } = useWords();
	useEffect(() => {
		document.title = `${t('console.of', { name })} · Ingot`;
	}, [name, t]);
	return (
		<main className="ingot-console-window">
			<h1 className="ingot-subtitle">{t('console.of', { name })}</h1>
			<ProblemAlert error={error} />
			{children}
		</main>
	);
}

function OfVm({ id, kind }: { id: string; kind: 'serial' | 'vnc' }) {
	const found = useOne('vms', id, LOOK_MS);
	const vm = found.data;
	return (
		<Frame name={vm?.name ?? id} error={found.error}>
			{vm && <ConsolePanel collection="vms" id={id} name={vm.name} kind={kind} life={lifeOfVm(vm)} alone />}
		</Frame>
	);
}

function OfMachine({ id }: { id: string }) {
	const { t } = useWords();
	const found = useOne('machines', id, LOOK_MS);
	const machine = found.data;
	return (
		<Frame name={machine?.name ?? id} error={found.error}>
			{machine && (
				<ConsolePanel
					collection="machines"
					id={id}
					name={machine.name ?? id}
					kind="serial"
					life={machine.bmc_address ?? ''}
					note={machine.power === 'off' ? t('console.off') : undefined}
					alone
				/>
			)}
		</Frame>
	);
}

export default function ConsoleWindow() {
	const { collection, id = '', kind } = useParams();
	return collection === 'machines' ? <OfMachine id={id} /> : <OfVm id={id} kind={kind === 'vnc' ? 'vnc' : 'serial'} />;
}
