// SPDX-License-Identifier: GPL-3.0-or-later
import { useEffect } from 'react';
import { useParams } from 'react-router-dom';
import { useOne } from '../api/queries';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';
import ConsolePanel from './console-panel';

export default function ConsoleWindow() {
	const { t } = useWords();
	const { collection, id = '', kind } = useParams();
	const from = collection === 'machines' ? 'machines' : 'vms';
	const found = useOne(from, id);
	const name = found.data?.name ?? id;
	useEffect(() => {
		document.title = `${t('console.of', { name })} · Ingot`;
	}, [name, t]);
	return (
		<main className="ingot-console-window">
			<h1 className="ingot-subtitle">{t('console.of', { name })}</h1>
			<ProblemAlert error={found.error} />
			{found.data && <ConsolePanel collection={from} id={id} name={name} kind={kind === 'vnc' && from === 'vms' ? 'vnc' : 'serial'} alone />}
		</main>
	);
}
