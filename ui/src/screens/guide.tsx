// SPDX-License-Identifier: GPL-3.0-or-later
// The first run: what was found, accept, deploy, the pool, the first virtual machine. Each step says what it will do, and is
// done when the server says so.
import { useState, type ReactNode } from 'react';
import { useAll } from '../api/queries';
import type { Machine } from '../api/types';
import { Button, Label } from '../pf';
import { BulkDialog } from '../ui/bulk';
import { DangerDialog } from '../ui/dialog';
import { ButtonLink, Panel, Screen } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useMay } from '../ui/session';
import { StateLabel, useNames, useWords } from '../ui/words';
import { PlanList } from './machine-bulk';
import { planOf, sendPlanned, type Plan } from './machine-plan';
import { usePoolSentence } from './pool-parts';

const COPIES = 3;

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
	const machines = useAll('machines', {}, 4000);
	const pools = useAll('pools', {}, 4000);
	const images = useAll('images', {}, 10000);
	const vms = useAll('vms', {}, 5000);
	const say = usePoolSentence();
	const [asked, setAsked] = useState<Plan | null>(null);
	const [running, setRunning] = useState<Plan | null>(null);
	const all = machines.data ?? [];
	const of = (state: Machine['state']) => all.filter((machine) => machine.state === state);
	const fresh = of('new');
	const ready = of('ready');
	const deployed = of('deployed');
	const possible = planOf('deploy', ready, []);
	const wanted: Plan = { ...possible, items: possible.items.slice(0, Math.max(0, COPIES - deployed.length - of('deploying').length)), left: [] };
	const pool = pools.data?.[0];
	return (
		<Screen title={t('nav.guide')}>
			<p className="ingot-note">{t('guide.intro')}</p>
			<ProblemAlert error={machines.error ?? pools.error} />
			<ol className="ingot-guide">
				<Step number={1} title={t('guide.found')} done={all.length > 0}>
					<p>{all.length > 0 ? t('guide.foundCount', { count: all.length }) : t('machines.emptyBody')}</p>
					<span className="ingot-actions">
						<ButtonLink to="/machines">{t('nav.machines')}</ButtonLink>
						{all.length === 0 && (
							<ButtonLink to="/bmc-ranges" primary>
								{t('machines.tellBmcs')}
							</ButtonLink>
						)}
					</span>
				</Step>
				<Step number={2} title={t('guide.accept')} done={all.length > fresh.length}>
					<p>{t('machine.acceptExplain')}</p>
					{operator && (
						<Button isDisabled={fresh.length === 0} onClick={() => setRunning(planOf('accept', fresh.slice(0, COPIES), []))}>
							{t('guide.acceptCount', { count: Math.min(fresh.length, COPIES) })}
						</Button>
					)}
				</Step>
				<Step number={3} title={t('guide.deploy')} done={deployed.length >= COPIES}>
					<p>{t('machine.deployExplain')}</p>
					<p>{t('guide.deployCount', { deployed: deployed.length, deploying: of('deploying').length, ready: ready.length })}</p>
					{possible.left.length > 0 && <p>{t('guide.noDisk', { names: names(possible.left) })}</p>}
					{operator && (
						<Button isDisabled={wanted.items.length === 0} onClick={() => setAsked(wanted)}>
							{t('guide.deployButton', { count: wanted.items.length })}
						</Button>
					)}
				</Step>
				<Step number={4} title={t('guide.pool')} done={pool?.state === 'active'}>
					<p>{t('guide.poolExplain')}</p>
					{pool && (
						<p>
							<StateLabel state={pool.state} /> {say(pool)} {pool.detail}
						</p>
					)}
				</Step>
				<Step number={5} title={t('guide.image')} done={(images.data ?? []).some((image) => image.state === 'available')}>
					<p>{t('image.addExplain')}</p>
					<ButtonLink to="/images">{t('image.add')}</ButtonLink>
				</Step>
				<Step number={6} title={t('guide.vm')} done={(vms.data ?? []).some((vm) => vm.state === 'running')}>
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
