// SPDX-License-Identifier: GPL-3.0-or-later
import { useAll } from '../api/queries';
import type { Node, Pool } from '../api/types';
import { Table, Tbody, Td, Th, Thead, Tr } from '../pf';
import { Found, Sections } from '../ui/detail';
import { Foreign, Panel, Quote, Screen, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { UserList } from '../ui/used-by';
import { StateLabel, Time, useWords } from '../ui/words';
import { PoolFacts, PoolUse, usePoolSentence } from './pool-parts';
import { Timeline } from './timeline';

function Summary({ pool }: { pool: Pool }) {
	const { t } = useWords();
	const say = usePoolSentence();
	return (
		<div className="ingot-grid">
			<Panel title={t('tab.summary')}>
				<p>{say(pool)}</p>
				{pool.detail && (
					<p>
						<Quote text={pool.detail} />
					</p>
				)}
				<PoolUse pool={pool} charted />
				<PoolFacts
					pool={pool}
					more={[
						[t('pool.stateSince'), <Time key="s" at={pool.state_since} />],
						[t('field.created'), <Time key="c" at={pool.created} />],
						[t('field.id'), <code key="i">{pool.id}</code>],
					]}
				/>
			</Panel>
			<Panel title={t('nav.volumes')}>
				<UserList collection="volumes" query={{ pool: pool.name ?? pool.id }} none={t('volumes.emptyTitle')} />
			</Panel>
			<Panel title={t('nav.images')}>
				<UserList collection="images" query={{ pool: pool.name ?? pool.id }} none={t('images.emptyTitle')} />
			</Panel>
		</div>
	);
}

/** There is one pool, of all data disks that nodes have given. */
const dataDisks = (nodes: Node[]) => nodes.flatMap((node) => node.osds.map((osd, index) => ({ key: osd.uuid ?? `${node.id}-${index}`, node, osd })));

function Disks() {
	const { t } = useWords();
	const nodes = useAll('nodes', { sort: 'name' });
	const disks = dataDisks(nodes.data ?? []);
	return (
		<>
			<ProblemAlert error={nodes.error} />
			{nodes.data && disks.length === 0 && <p>{t('pool.sayWaiting')}</p>}
			{disks.length > 0 && (
				<div className="ingot-scroll-x" role="region" aria-label={t('field.dataDisks')} tabIndex={0}>
					<Table variant="compact" aria-label={t('field.dataDisks')}>
						<Thead>
							<Tr>
								{[t('field.node'), t('field.osd'), t('field.serial'), t('field.state')].map((label) => (
									<Th key={label}>{label}</Th>
								))}
							</Tr>
						</Thead>
						<Tbody>
							{disks.map(({ key, node, osd }) => (
								<Tr key={key}>
									<Td dataLabel={t('field.node')}>
										<To to={`/nodes/${node.id}`}>{node.name ?? node.id}</To>
									</Td>
									<Td dataLabel={t('field.osd')}>{osd.number >= 0 ? osd.number : '–'}</Td>
									<Td dataLabel={t('field.serial')}>
										<Foreign text={osd.serial ?? osd.wwn} />
									</Td>
									<Td dataLabel={t('field.state')}>
										<StateLabel state={osd.state} />
									</Td>
								</Tr>
							))}
						</Tbody>
					</Table>
				</div>
			)}
		</>
	);
}

export default function PoolScreen() {
	const { t } = useWords();
	const back = { to: '/pools', label: t('nav.pools') };
	return (
		<Found collection="pools" title={t('kind.pool')} back={back} refetchInterval={5000}>
			{(pool, stale) => (
				<Screen title={pool.name ?? pool.id} back={back} state={<StateLabel state={pool.state} />}>
					{stale}
					<Sections
						sections={[
							{ key: 'summary', label: t('tab.summary'), content: () => <Summary pool={pool} /> },
							{ key: 'disks', label: t('field.dataDisks'), content: () => <Disks /> },
							{ key: 'timeline', label: t('tab.timeline'), content: () => <Timeline id={pool.id} /> },
						]}
					/>
				</Screen>
			)}
		</Found>
	);
}
