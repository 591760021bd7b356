// SPDX-License-Identifier: GPL-3.0-or-later
// Whether something needs a person, in five seconds: what is wrong first, then the cluster, its use, what happens.
import { useUnmended } from '../api/failed-tasks';
import { useAll, useCount, useEvents, useFirst, useRunning } from '../api/queries';
import type { Node, Pool, Task } from '../api/types';
import type { Key } from '../i18n';
import { Alert } from '../pf';
import { useNow } from '../ui/now';
import { Bar, Doing, Panel, Quote, Screen, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { TaskProgress, TaskTitle } from '../ui/task-drawer';
import { StateLabel, useWords } from '../ui/words';
import { EventList } from './events';
import { MACHINES_SHOWN, OverviewMap } from './overview-map';
import { isMild, needs, type Need } from './overview-needs';
import { PoolUse, usePoolSentence } from './pool-parts';

const EVENTS_SHOWN = 8;
const ALERTS_SHOWN = 6;
const OTHERS = { state: 'new,commissioning,ready,deploying,failed', sort: 'zone' };

/** Why, where what is shown of it does not say so. */
const EXPLAINED = { nodeAwaited: 'node.awaitedExplain', vmUnknown: 'need.vmUnknownExplain' } as const satisfies Partial<Record<Need['kind'], Key>>;

function Needs({ list, fresh }: { list: Need[]; fresh: number }) {
	const { t } = useWords();
	const say = usePoolSentence();
	return (
		<section aria-label={t('overview.needs')} className="ingot-needs">
			{list.length === 0 && fresh === 0 && <Alert variant="success" isInline title={t('overview.allWell')} />}
			{list.slice(0, ALERTS_SHOWN).map((need) => (
				<Alert
					key={need.kind + need.to}
					isInline
					variant={isMild(need) ? 'warning' : 'danger'}
					title={<>{t(`need.${need.kind}`, { name: need.name })}</>}
					actionLinks={<To to={need.to}>{t('overview.look')}</To>}
				>
					{'pool' in need ? say(need.pool) : need.kind in EXPLAINED ? t(EXPLAINED[need.kind as keyof typeof EXPLAINED]) : 'detail' in need && need.detail ? <Quote text={need.detail} /> : null}
				</Alert>
			))}
			{list.length > ALERTS_SHOWN && <p>{t('overview.more', { count: list.length - ALERTS_SHOWN })}</p>}
			{fresh > 0 && (
				<Alert variant="info" isInline title={t('overview.fresh', { count: fresh })} actionLinks={<To to="/machines?state=new">{t('overview.look')}</To>}>
					{t('overview.freshBody')}
				</Alert>
			)}
		</section>
	);
}

function Capacity({ nodes, pools }: { nodes: Node[]; pools: Pool[] }) {
	const { t, bytes } = useWords();
	const memory = nodes.reduce((sum, node) => sum + node.memory_bytes, 0);
	const free = nodes.reduce((sum, node) => sum + node.memory_free_bytes, 0);
	const cpus = nodes.reduce((sum, node) => sum + node.cpus, 0);
	return (
		<>
			{nodes.length > 0 && (
				<Bar
					value={memory ? ((memory - free) / memory) * 100 : 0}
					label={t('field.memory')}
					text={t('node.memoryPromised', { part: bytes(memory - free), whole: bytes(memory) })}
				/>
			)}
			<p>{t('overview.cpus', { count: cpus })}</p>
			{pools.map((pool) => (
				<PoolUse key={pool.id} pool={pool} charted />
			))}
		</>
	);
}

/** total: how many run, of which tasks are the first. */
function Running({ tasks, total }: { tasks: Task[]; total: number }) {
	const { t } = useWords();
	if (tasks.length === 0) return <p>{t('tasks.none')}</p>;
	const shown = tasks.slice(0, ALERTS_SHOWN);
	return (
		<>
			<ul className="ingot-list">
				{shown.map((task) => (
					<li key={task.id}>
						<TaskTitle task={task} /> <span className="ingot-note"><Doing message={task.message} /></span>
						<TaskProgress task={task} />
					</li>
				))}
			</ul>
			{total > shown.length && <To to="/tasks?state=running">{t('overview.more', { count: total - shown.length })}</To>}
		</>
	);
}

export default function Overview() {
	const { t } = useWords();
	const total = useCount('machines');
	const fresh = useCount('machines', { state: 'new' });
	const broken = useAll('machines', { state: 'failed' });
	const nodes = useAll('nodes');
	const vms = useAll('vms');
	const pools = useAll('pools');
	const tasks = useRunning();
	const bmcs = useAll('machines', { bmc_state: 'unreachable,credentials' });
	const others = useFirst('machines', MACHINES_SHOWN, OTHERS);
	const events = useEvents();
	const last = useUnmended(broken.data, vms.data);
	const now = useNow();
	const say = usePoolSentence();
	const error = nodes.error ?? vms.error ?? pools.error ?? broken.error ?? bmcs.error ?? last.error ?? others.error;
	const seen = nodes.data &&
		vms.data &&
		pools.data &&
		broken.data &&
		bmcs.data &&
		last.data && {
			nodes: nodes.data,
			vms: vms.data,
			pools: pools.data,
			machines: [...broken.data, ...bmcs.data.filter((machine) => machine.state !== 'failed')],
			tasks: last.data,
		};
	const running = vms.data?.filter((vm) => vm.state === 'running').length ?? 0;
	return (
		<Screen title={t('nav.overview')}>
			<ProblemAlert error={error} />
			{seen && fresh.data !== undefined && <Needs list={needs(seen, now)} fresh={fresh.data} />}
			{total.data === 0 && (
				<Alert variant="info" isInline title={t('overview.nothing')} actionLinks={<To to="/bmc-ranges">{t('machines.tellBmcs')}</To>}>
					{t('machines.emptyBody')}
				</Alert>
			)}
			<ul className="ingot-counts" aria-label={t('overview.counts')}>
				<li>
					<strong>{total.data ?? '–'}</strong> <To to="/machines">{t('nav.machines')}</To>
				</li>
				<li>
					<strong>{nodes.data?.filter((node) => node.health === 'ready').length ?? '–'}</strong> <To to="/nodes">{t('overview.nodesReady')}</To>
				</li>
				<li>
					<strong>{vms.data ? running : '–'}</strong> <To to="/vms">{t('overview.vmsRunning')}</To>
				</li>
				<li>
					<strong>{tasks.data?.total ?? '–'}</strong> <To to="/tasks?state=running">{t('overview.tasksRunning')}</To>
				</li>
			</ul>
			<div className="ingot-grid">
				<Panel title={t('overview.map')} className="ingot-wide">
					{nodes.data && others.data && <OverviewMap nodes={nodes.data} machines={others.data.items} others={others.data.total ?? 0} vms={vms.data ?? []} />}
				</Panel>
				<Panel title={t('overview.capacity')} className="ingot-tall">
					<Capacity nodes={nodes.data ?? []} pools={pools.data ?? []} />
				</Panel>
				<Panel title={t('overview.storage')}>
					{pools.data?.length === 0 && <p>{t('pools.emptyBody')}</p>}
					{pools.data?.map((pool) => (
						<p key={pool.id}>
							<To to="/pools">{pool.name}</To> <StateLabel state={pool.state} /> {say(pool)} {pool.detail && <Quote text={pool.detail} />}
						</p>
					))}
				</Panel>
				<Panel title={t('overview.tasksRunning')}>
					<Running tasks={tasks.data?.items ?? []} total={tasks.data?.total ?? 0} />
				</Panel>
				<Panel title={t('overview.recent')}>
					<EventList events={(events.data ?? []).slice(0, EVENTS_SHOWN)} />
					<To to="/events">{t('overview.allEvents')}</To>
				</Panel>
			</div>
		</Screen>
	);
}
