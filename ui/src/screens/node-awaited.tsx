// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes that are awaited: an older state of the provisioner has come back, and they have not said since what they run. Until they do, or a
// person who has switched them off says so, no virtual machine is started elsewhere (docs/configuration.md).
import { useState } from 'react';
import { useAll, useChange, useOne } from '../api/queries';
import type { Node } from '../api/types';
import { Alert, Button, Label } from '../pf';
import { DangerDialog } from '../ui/dialog';
import { To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useMay } from '../ui/session';
import { runsOn } from '../ui/runs-on';
import { useNames, useWords } from '../ui/words';
import { isMissed } from './awaited';

const NODES_SHOWN = 20;

export function AwaitedLabel({ node }: { node: Node }) {
	const { t } = useWords();
	return node.awaited ? (
		<Label isCompact color="orange" data-awaited>
			{t('node.awaited')}
		</Label>
	) : null;
}

/** What its BMC says of its power, which the server looks at as well. */
function PowerSaid({ node }: { node: Node }) {
	const { t, word } = useWords();
	const machine = useOne('machines', node.machine).data;
	if (!machine) return null;
	const known = machine.bmc_state === 'ok' && machine.power !== 'unknown';
	return (
		<p>
			{known ? t('node.confirmOffPower', { power: word(machine.power) }) : t('node.confirmOffNoPower')} <To to={`/machines/${machine.id}`}>{t('node.machine')}</To>
		</p>
	);
}

function ConfirmOff({ node }: { node: Node }) {
	const { t } = useWords();
	const names = useNames();
	const [asking, setAsking] = useState(false);
	const vms = useAll('vms');
	const change = useChange<Node>();
	const name = node.name ?? node.id;
	const runs = runsOn(node.id, vms.data ?? []);
	const close = () => {
		setAsking(false);
		change.reset();
	};
	if (!useMay('operator')) return null;
	return (
		<>
			<Button variant="secondary" size="sm" onClick={() => setAsking(true)} aria-label={t('node.confirmOffOne', { name })}>
				{t('node.confirmOff')}
			</Button>
			{asking && (
				<DangerDialog
					title={t('node.confirmOffTitle', { name })}
					confirm={t('node.confirmOff')}
					name={name}
					wide
					lost={
						<>
							<p>{t('node.confirmOffMeans')}</p>
							<p className="ingot-lost">{t('node.confirmOffDanger')}</p>
							<p>{runs.length > 0 ? t('node.confirmOffRan', { names: names(runs) }) : t('node.confirmOffRanNone')}</p>
							<PowerSaid node={node} />
							<ProblemAlert error={vms.error} />
						</>
					}
					busy={change.isPending}
					error={change.error}
					onClose={close}
					onConfirm={() => change.mutate({ method: 'POST', path: `/v1/nodes/${node.id}/confirm-off`, touches: ['nodes', 'vms', 'events'] }, { onSuccess: close })}
				/>
			)}
		</>
	);
}

/** Of one node. */
export function AwaitedNode({ node }: { node: Node }) {
	const { t } = useWords();
	if (!node.awaited) return null;
	const missed = isMissed(node);
	return (
		<Alert variant={missed ? 'danger' : 'warning'} isInline title={t('need.nodeAwaited', { name: node.name ?? node.id })} className="ingot-awaited">
			<p>{t('node.awaitedExplain')}</p>
			<p>{missed ? t('node.awaitedMissed') : t('node.awaitedReports')}</p>
			{missed && <ConfirmOff node={node} />}
		</Alert>
	);
}

/** Of all of them, above their list. */
export function AwaitedNodes() {
	const { t } = useWords();
	const nodes = (useAll('nodes').data ?? []).filter(isMissed);
	if (nodes.length === 0) return null;
	return (
		<Alert variant="danger" isInline title={t('nodes.awaited', { count: nodes.length })} className="ingot-awaited">
			<p>{t('nodes.awaitedExplain')}</p>
			<p>{t('node.awaitedMissed')}</p>
			<ul className="ingot-list">
				{nodes.slice(0, NODES_SHOWN).map((node) => (
					<li key={node.id}>
						<To to={`/nodes/${node.id}`}>{node.name ?? node.id}</To> <ConfirmOff node={node} />
					</li>
				))}
				{nodes.length > NODES_SHOWN && <li>{t('overview.more', { count: nodes.length - NODES_SHOWN })}</li>}
			</ul>
		</Alert>
	);
}
