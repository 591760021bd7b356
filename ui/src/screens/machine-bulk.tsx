// SPDX-License-Identifier: GPL-3.0-or-later
// The same asked of many machines: what they are and what each of them loses is shown first, and only that is sent.
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Problem } from '../api/problem';
import type { Key } from '../i18n';
import { Button, Spinner } from '../pf';
import { BulkDialog } from '../ui/bulk';
import { DangerDialog, Dialog } from '../ui/dialog';
import { Foreign } from '../ui/parts';
import type { Selection } from '../ui/resource-table';
import { useMay } from '../ui/session';
import { diskName, type Disk } from '../ui/system-disk';
import { useNames, useWords } from '../ui/words';
import { readPlan, sendPlanned, type BulkAction, type Plan, type Planned } from './machine-plan';

const ACTIONS = ['accept', 'deploy', 'on', 'off', 'delete'] as const satisfies readonly BulkAction[];
const LISTED_MAX = 100;

const EXPLAINED = {
	accept: 'machine.acceptExplain',
	deploy: 'bulk.deployLost',
	on: 'machine.powerOnExplain',
	off: 'bulk.offLost',
	delete: 'machine.deleteExplain',
} as const satisfies Record<BulkAction, Key>;
const LEFT = {
	accept: 'bulk.leftAccept',
	deploy: 'bulk.leftDeploy',
	on: 'bulk.leftOn',
	off: 'bulk.leftOff',
	delete: 'bulk.leftDelete',
} as const satisfies Record<BulkAction, Key>;

function Lost({ action, item }: { action: BulkAction; item: Planned }) {
	const { t, bytes } = useWords();
	const names = useNames();
	const sum = (disks: Disk[]) => bytes(disks.reduce((all, disk) => all + (disk.size_bytes ?? 0), 0));
	if (action === 'deploy')
		return (
			<>
				: <Foreign text={item.disk && diskName(item.disk)} /> · {bytes(item.disk?.size_bytes)} · <Foreign text={item.disk?.model} />
				{item.others.length > 0 && <> · {t('bulk.otherDisks', { count: item.others.length, size: sum(item.others) })}</>}
			</>
		);
	if (action !== 'off' || !item.isNode) return null;
	return <>: {item.runs.length > 0 ? t('bulk.offNode', { names: names(item.runs) }) : t('bulk.offNodeIdle')}</>;
}

/** Which machines are asked, and what each of them loses. */
export function PlanList({ plan }: { plan: Plan }) {
	const { t } = useWords();
	const names = useNames();
	const { action, items, left, gone } = plan;
	return (
		<>
			<p>{t(EXPLAINED[action])}</p>
			{items.length === 0 ? (
				<p>{t('bulk.nothing')}</p>
			) : (
				<ul className="ingot-list ingot-bulk" aria-label={t('bulk.asked')} tabIndex={0}>
					{items.slice(0, LISTED_MAX).map((item) => (
						<li key={item.id} data-asked={item.id}>
							<bdi>{item.name}</bdi>
							<Lost action={action} item={item} />
						</li>
					))}
					{items.length > LISTED_MAX && <li>{t('overview.more', { count: items.length - LISTED_MAX })}</li>}
				</ul>
			)}
			{left.length > 0 && <p>{t(LEFT[action], { names: names(left) })}</p>}
			{gone > 0 && <p>{t('bulk.gone', { count: gone })}</p>}
		</>
	);
}

const useLabel = () => {
	const { t } = useWords();
	const labels: Record<BulkAction, string> = {
		accept: t('machine.accept'),
		deploy: t('machine.deploy'),
		on: t('power.on'),
		off: t('power.off'),
		delete: t('common.delete'),
	};
	return (action: BulkAction) => labels[action];
};

export interface BulkAsk {
	action: BulkAction;
	selection: Selection;
	clear: () => void;
}

export function MachineBulkButtons({ selection, clear, onAsk }: { selection: Selection; clear: () => void; onAsk: (ask: BulkAsk) => void }) {
	const label = useLabel();
	if (!useMay('operator')) return null;
	return (
		<span className="ingot-actions">
			{ACTIONS.map((action) => (
				<Button key={action} size="sm" variant="secondary" onClick={() => onAsk({ action, selection, clear })}>
					{label(action)}
				</Button>
			))}
		</span>
	);
}

/** Reads what is chosen once, shows it, and asks what was shown. It is no part of the table, whose selection ends when nothing
 * matches any more. */
export function MachineBulk({ ask, onClose }: { ask: BulkAsk; onClose: () => void }) {
	const { t } = useWords();
	const label = useLabel();
	const { mutate, data: plan, error } = useMutation<Plan, Problem, BulkAsk>({ mutationFn: ({ action, selection }) => readPlan(action, selection) });
	const [running, setRunning] = useState(false);
	useEffect(() => mutate(ask), [mutate, ask]);
	const title = t('bulk.title', { action: label(ask.action), count: plan?.items.length ?? ask.selection.count });
	const common = { title, confirm: label(ask.action), wide: true, onClose, onConfirm: () => setRunning(true) };
	if (!plan)
		return (
			<Dialog {...common} error={error} disabled>
				{!error && <Spinner size="lg" aria-label={t('common.loading')} />}
			</Dialog>
		);
	if (running)
		return (
			<BulkDialog
				title={title}
				items={plan.items}
				act={(item) => sendPlanned(plan.action, item)}
				collection="machines"
				onClose={() => {
					onClose();
					ask.clear();
				}}
			/>
		);
	const none = plan.items.length === 0;
	if (none || plan.action === 'accept' || plan.action === 'on')
		return (
			<Dialog {...common} disabled={none}>
				<PlanList plan={plan} />
			</Dialog>
		);
	return <DangerDialog {...common} name={String(plan.items.length)} lost={<PlanList plan={plan} />} />;
}
