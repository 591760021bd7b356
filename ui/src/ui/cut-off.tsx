// SPDX-License-Identifier: GPL-3.0-or-later
import { useAll } from '../api/queries';
import { ProblemAlert } from './problem-alert';
import { runsOn } from './runs-on';
import { useNames, useWords } from './words';

/** What a node loses with its power. */
export function CutOff({ node }: { node: string }) {
	const { t } = useWords();
	const names = useNames();
	const vms = useAll('vms');
	const runs = runsOn(node, vms.data ?? []);
	return (
		<>
			<p>{t('machine.powerLostNode')}</p>
			<ProblemAlert error={vms.error} />
			{runs.length > 0 && <p>{t('machine.powerLostVms', { names: names(runs) })}</p>}
		</>
	);
}
