// SPDX-License-Identifier: GPL-3.0-or-later
// Whether something needs a person, in five seconds: what is wrong first, then the cluster, its use, what happens.
import { useAll, useCount, useEvents } from '../api/queries';
import type { Machine, Node, Pool, Task, Vm } from '../api/types';
import { Alert } from '../pf';
import { Bar, ButtonLink, Panel, Screen, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { TaskProgress, TaskTitle } from '../ui/task-drawer';
import { StateLabel, useWords } from '../ui/words';
import { isMissed } from './awaited';
import { EventList } from './events';
import { PoolUse, usePoolSentence } from './pools';

const EVENTS_SHOWN = 8;
const ALERTS_SHOWN = 6;
const NODES_SHOWN = 60;
const VMS_SHOWN = 12;
const FULL = 0.85;

export type Need =
	| { kind: 'machineFailed'; name: string; to: string; detail: string }
	| { kind: 'nodeAwaited'; name: string; to: string }
	| { kind: 'nodeUnreachable'; name: string; to: string }
	| { kind: 'nodeError'; name: string; to: string; detail: string }
	| { kind: 'vm'; name: string; to: string; detail: string }
	| { kind: 'pool'; name: string; to: string; pool: Pool }
	| { kind: 'poolFull'; name: string; to: string };

/** What needs a person, the worst first. */
export function needs(machines: Machine[], nodes: Node[], vms: Vm[], pools: Pool[]): Need[] {
	const list: Need[] = [];
	for (const pool of pools) {
		const waitsForNodes = pool.state === 'waiting' || pool.state === 'creating';
		if (pool.state !== 'active' && !waitsForNodes) list.push({ kind: 'pool', name: pool.name ?? pool.id, to: '/pools', pool });
		if (pool.total_bytes > 0 && pool.used_bytes / pool.total_bytes >= FULL) list.push({ kind: 'poolFull', name: pool.name ?? pool.id, to: '/pools' });
	}
	for (const node of nodes) {
		const at = { name: node.name ?? node.id, to: `/nodes/${node.id}` };
		if (isMissed(node)) list.push({ kind: 'nodeAwaited', ...at });
		else if (node.health === 'unreachable') list.push({ kind: 'nodeUnreachable', ...at });
		else if (node.error) list.push({ kind: 'nodeError', ...at, detail: node.error.text ?? '' });
	}
	for (const vm of vms)
		if (vm.state === 'failed' || vm.state === 'unknown') list.push({ kind: 'vm', name: vm.name, to: `/vms/${vm.id}`, detail: vm.error?.text ?? '' });
	for (const machine of machines)
		if (machine.state === 'failed')
			list.push({ kind: 'machineFailed', name: machine.name ?? machine.id, to: `/machines/${machine.id}`, detail: machine.error?.text ?? '' });
	return list;
}

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
					variant={need.kind === 'poolFull' || need.kind === 'nodeError' ? 'warning' : 'danger'}
					title={<>{t(`need.${need.kind}`, { name: need.name })}</>}
					actionLinks={<To to={need.to}>{t('overview.look')}</To>}
				>
					{need.kind === 'pool' ? say(need.pool) : need.kind === 'nodeAwaited' ? t('node.awaitedExplain') : 'detail' in need ? need.detail : null}
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

function Map({ nodes, vms }: { nodes: Node[]; vms: Vm[] }) {
	const { t, word } = useWords();
	if (nodes.length === 0)
		return (
			<>
				<p>{t('overview.noNodes')}</p>
				<ButtonLink to="/guide" primary>
					{t('nav.guide')}
				</ButtonLink>
			</>
		);
	return (
		<ul className="ingot-map" aria-label={t('overview.map')}>
			{nodes.slice(0, NODES_SHOWN).map((node) => {
				const here = vms.filter((vm) => vm.node === node.id);
				return (
					<li key={node.id} className={`ingot-map-node ingot-map-${node.health}`}>
						<To to={`/nodes/${node.id}`}>{node.name ?? node.id}</To> <StateLabel state={node.health} />
						<ul>
							{here.slice(0, VMS_SHOWN).map((vm) => (
								<li key={vm.id} data-vm={vm.name}>
									<To to={`/vms/${vm.id}`}>{vm.name}</To> <span className="ingot-note">{word(vm.state)}</span>
								</li>
							))}
						</ul>
						{here.length === 0 && <p className="ingot-note">{t('node.noVms')}</p>}
						{here.length > VMS_SHOWN && <p>{t('overview.more', { count: here.length - VMS_SHOWN })}</p>}
					</li>
				);
			})}
			{nodes.length > NODES_SHOWN && (
				<li>
					<To to="/nodes">{t('overview.more', { count: nodes.length - NODES_SHOWN })}</To>
				</li>
			)}
		</ul>
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
				<PoolUse key={pool.id} pool={pool} />
			))}
		</>
	);
}

function Running({ tasks }: { tasks: Task[] }) {
	const { t, step } = useWords();
	if (tasks.length === 0) return <p>{t('tasks.none')}</p>;
	return (
		<ul className="ingot-list">
			{tasks.slice(0, ALERTS_SHOWN).map((task) => (
				<li key={task.id}>
					<TaskTitle task={task} /> <span className="ingot-note">{step(task.message)}</span>
					<TaskProgress task={task} />
				</li>
			))}
		</ul>
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
	const tasks = useAll('tasks', { state: 'running' }, 5000);
	const events = useEvents();
	const say = usePoolSentence();
	const error = nodes.error ?? vms.error ?? pools.error ?? broken.error;
	const known = nodes.data && vms.data && pools.data && broken.data && fresh.data !== undefined;
	const running = vms.data?.filter((vm) => vm.state === 'running').length ?? 0;
	return (
		<Screen title={t('nav.overview')}>
			<ProblemAlert error={error} />
			{known && <Needs list={needs(broken.data, nodes.data, vms.data, pools.data)} fresh={fresh.data} />}
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
					<strong>{tasks.data?.length ?? '–'}</strong> <To to="/tasks?state=running">{t('overview.tasksRunning')}</To>
				</li>
			</ul>
			<div className="ingot-grid">
				<Panel title={t('overview.map')} className="ingot-wide">
					<Map nodes={nodes.data ?? []} vms={vms.data ?? []} />
				</Panel>
				<Panel title={t('overview.capacity')}>
					<Capacity nodes={nodes.data ?? []} pools={pools.data ?? []} />
				</Panel>
				<Panel title={t('overview.storage')}>
					{pools.data?.length === 0 && <p>{t('pools.emptyBody')}</p>}
					{pools.data?.map((pool) => (
						<p key={pool.id}>
							<To to="/pools">{pool.name}</To> <StateLabel state={pool.state} /> {say(pool)} {pool.detail}
						</p>
					))}
				</Panel>
				<Panel title={t('overview.tasksRunning')}>
					<Running tasks={tasks.data ?? []} />
				</Panel>
				<Panel title={t('overview.recent')}>
					<EventList events={(events.data ?? []).slice(0, EVENTS_SHOWN)} />
					<To to="/events">{t('overview.allEvents')}</To>
				</Panel>
			</div>
		</Screen>
	);
}
