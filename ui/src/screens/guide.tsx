// SPDX-License-Identifier: GPL-3.0-or-later
// The first run: what was found, accept, deploy, the pool, the first virtual machine. Each step says what it will do, and is
// done when the server says so.
import { useState, type ReactNode } from 'react';
import { useAll, useCount, useFirst } from '../api/queries';
import { Button, Label } from '../pf';
import { BulkDialog } from '../ui/bulk';
import { DangerDialog } from '../ui/dialog';
import { ButtonLink, Panel, Quote, Screen } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useMay } from '../ui/session';
import { StateLabel, useNames, useWords } from '../ui/words';
import { PlanList } from './machine-bulk';
import { planOf, sendPlanned, type Plan } from './machine-plan';
import { usePoolSentence } from './pool-parts';

const COPIES = 3;
const LOOK_MS = 4000;
/** Of the machines that are ready: among so many are three with a disk that fits, or their names say which have none. */
const READY_SEEN = 50;

function Step({ number, title, done, children }: { number: number; title: string; done: boolean; children: ReactNode }) {
	const { t } = useWords();
	return (
		<li data-step={number} data-done={done}>
			<Panel title={`${number}. ${title}`}>
				<p>
					<Label color={done ? 'green' : 'blue'}>{done ? t('guide.done') : t('guide.toDo')}</Label>
				</p>
				{children}
			</Panel>
		</li>
	);
}

export default function Guide() {
	const { t } = useWords();
	const names = useNames();
	const operator = useMay('operator');
	const machines = useCount('machines', {}, LOOK_MS);
	const fresh = useFirst('machines', COPIES, { state: 'new', sort: 'name' }, LOOK_MS);
	const ready = useFirst('machines', READY_SEEN, { state: 'ready', sort: 'name' }, LOOK_MS);
	const deploying = useCount('machines', { state: 'deploying' }, LOOK_MS).data ?? 0;
	const deployed = useCount('machines', { state: 'deployed' }, LOOK_MS).data ?? 0;
	const pools = useAll('pools', {}, LOOK_MS);
	const images = useCount('images', { state: 'available' }, LOOK_MS);
	const vms = useCount('vms', { state: 'running' }, LOOK_MS);
	const say = usePoolSentence();
	const [asked, setAsked] = useState<Plan | null>(null);
	const [running, setRunning] = useState<Plan | null>(null);
	const all = machines.data ?? 0;
	const acceptable = planOf('accept', fresh.data?.items ?? [], []);
	const possible = planOf('deploy', ready.data?.items ?? [], []);
	const wanted: Plan = { ...possible, items: possible.items.slice(0, Math.max(0, COPIES - deployed - deploying)), left: [] };
	const pool = pools.data?.[0];
	return (
		<Screen title={t('nav.guide')}>
			<p className="ingot-note">{t('guide.intro')}</p>
			<ProblemAlert error={machines.error ?? fresh.error ?? ready.error ?? pools.error} />
			<ol className="ingot-guide" role="list">
				<Step number={1} title={t('guide.found')} done={all > 0}>
					<p>{all > 0 ? t('guide.foundCount', { count: all }) : t('machines.emptyBody')}</p>
					<span className="ingot-actions">
						<ButtonLink to="/machines">{t('nav.machines')}</ButtonLink>
						{all === 0 && (
							<ButtonLink to="/bmc-ranges" primary>
								{t('machines.tellBmcs')}
							</ButtonLink>
						)}
					</span>
				</Step>
				<Step number={2} title={t('guide.accept')} done={all > 0 && fresh.data !== undefined && all > (fresh.data.total ?? 0)}>
					<p>{t('machine.acceptExplain')}</p>
					{operator && acceptable.items.length > 0 && (
						<Button onClick={() => setRunning(acceptable)}>{t('guide.acceptCount', { count: acceptable.items.length })}</Button>
					)}
				</Step>
				<Step number={3} title={t('guide.deploy')} done={deployed >= COPIES}>
					<p>{t('machine.deployExplain')}</p>
					<p>{t('guide.deployCount', { deployed, deploying, ready: ready.data?.total ?? 0 })}</p>
					{possible.left.length > 0 && <p>{t('guide.noDisk', { names: names(possible.left) })}</p>}
					{operator && wanted.items.length > 0 && (
						<Button onClick={() => setAsked(wanted)}>{t('guide.deployButton', { count: wanted.items.length })}</Button>
					)}
				</Step>
				<Step number={4} title={t('guide.pool')} done={pool?.state === 'active'}>
					<p>{t('guide.poolExplain')}</p>
					{pool && (
						<p>
							<StateLabel state={pool.state} /> {say(pool)} {pool.detail && <Quote text={pool.detail} />}
						</p>
					)}
				</Step>
				<Step number={5} title={t('guide.image')} done={(images.data ?? 0) > 0}>
					<p>{t('image.addExplain')}</p>
					<ButtonLink to="/images">{t('image.add')}</ButtonLink>
				</Step>
				<Step number={6} title={t('guide.vm')} done={(vms.data ?? 0) > 0}>
					<p>{t('guide.vmExplain')}</p>
					{operator && (
						<ButtonLink to="/vms/new" primary>
							{t('vm.create')}
						</ButtonLink>
					)}
				</Step>
			</ol>
			{asked && (
				<DangerDialog
					title={t('guide.deployButton', { count: asked.items.length })}
					confirm={t('machine.deploy')}
					name={String(asked.items.length)}
					lost={<PlanList plan={asked} />}
					wide
					onClose={() => setAsked(null)}
					onConfirm={() => {
						setAsked(null);
						setRunning(asked);
					}}
				/>
			)}
			{running && (
				<BulkDialog
					title={running.action === 'accept' ? t('guide.accept') : t('guide.deploy')}
					items={running.items}
					act={(item) => sendPlanned(running.action, item)}
					collection="machines"
					onClose={() => setRunning(null)}
				/>
			)}
		</Screen>
	);
}
