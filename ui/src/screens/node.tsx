// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'react';
import { useChange, useOne, useShown } from '../api/queries';
import type { Node } from '../api/types';
import { Button, Table, Tbody, Td, Th, Thead, Tr } from '../pf';
import { Found, Sections } from '../ui/detail';
import { DangerDialog } from '../ui/dialog';
import { Bar, Facts, Foreign, Panel, Screen, To } from '../ui/parts';
import { ResourceError } from '../ui/problem-alert';
import { useMay } from '../ui/session';
import { UserList } from '../ui/used-by';
import { StateLabel, Time, useWords } from '../ui/words';
import { AwaitedNode } from './node-awaited';
import { Timeline } from './timeline';

/** Of a node that joined by a token, whose disks stay as they are until somebody says so. */
function GiveDisks({ node }: { node: Node }) {
	const { t } = useWords();
	const [asking, setAsking] = useState(false);
	const change = useChange<Node>();
	const shown = useShown(node, ['pool_disks']);
	const name = node.name ?? node.id;
	if (!useMay('operator') || node.pool_disks) return null;
	return (
		<>
			<p>{t('node.disksKept')}</p>
			<Button variant="secondary" size="sm" onClick={() => setAsking(true)}>
				{t('node.giveDisks')}
			</Button>
			{asking && (
				<DangerDialog
					title={t('node.giveDisksTitle', { name })}
					confirm={t('node.giveDisks')}
					name={name}
					lost={<p>{t('node.giveDisksLost')}</p>}
					busy={change.isPending}
					error={change.error}
					onClose={() => setAsking(false)}
					onConfirm={() => change.mutate({ method: 'PATCH', path: `/v1/nodes/${node.id}`, body: { pool_disks: true }, revision: shown.revision, touches: ['nodes', 'pools'] }, { onSuccess: () => setAsking(false) })}
				/>
			)}
		</>
	);
}

function Summary({ node }: { node: Node }) {
	const { t, bytes, word } = useWords();
	const machine = useOne('machines', node.machine).data;
	const used = node.memory_bytes - node.memory_free_bytes;
	return (
		<div className="ingot-grid">
			<Panel title={t('tab.summary')}>
				<Facts
					facts={[
						[t('field.address'), node.address],
						[t('field.zone'), node.zone ? <Foreign key="z" text={node.zone} /> : null],
						[t('kind.machine'), node.machine ? <To to={`/machines/${node.machine}`}>{machine?.name ?? t('node.machine')}</To> : null],
						[t('field.cpus'), node.cpus],
						[t('field.seen'), <Time key="s" at={node.seen} ago />],
						[t('field.enrolled'), <Time key="e" at={node.created} />],
						[t('field.monitor'), word(node.mon)],
						[t('field.manager'), word(node.mgr)],
					]}
				/>
				<Bar
					value={node.memory_bytes ? (used / node.memory_bytes) * 100 : 0}
					label={t('field.memory')}
					text={t('node.memoryPromised', { part: bytes(used), whole: bytes(node.memory_bytes) })}
				/>
			</Panel>
			<Panel title={t('node.dataDisks')}>
				<GiveDisks node={node} />
				{node.osds.length === 0 ? (
					<p>{t('node.noDisks')}</p>
				) : (
					<Table variant="compact" aria-label={t('node.dataDisks')}>
						<Thead>
							<Tr>
								<Th>{t('field.osd')}</Th>
								<Th>{t('field.serial')}</Th>
								<Th>{t('field.state')}</Th>
							</Tr>
						</Thead>
						<Tbody>
							{node.osds.map((osd, index) => (
								<Tr key={osd.uuid ?? index}>
									<Td dataLabel={t('field.osd')}>{osd.number >= 0 ? osd.number : '–'}</Td>
									<Td dataLabel={t('field.serial')}><Foreign text={osd.serial ?? osd.wwn} /></Td>
									<Td dataLabel={t('field.state')}><StateLabel state={osd.state} /></Td>
								</Tr>
							))}
						</Tbody>
					</Table>
				)}
			</Panel>
			<Panel title={t('nav.vms')}>
				<UserList collection="vms" query={{ node: node.id }} none={t('node.noVms')} />
			</Panel>
		</div>
	);
}

export default function NodeScreen() {
	const { t } = useWords();
	const back = { to: '/nodes', label: t('nav.nodes') };
	return (
		<Found collection="nodes" title={t('kind.node')} back={back}>
			{(node, stale) => (
				<Screen title={node.name ?? node.id} back={back} state={<StateLabel state={node.health} />}>
					<AwaitedNode node={node} />
					<ResourceError error={node.error} title={t('node.reports')} kind="node" />
					{stale}
					<Sections
						sections={[
							{ key: 'summary', label: t('tab.summary'), content: () => <Summary node={node} /> },
							{ key: 'timeline', label: t('tab.timeline'), content: () => <Timeline id={node.id} /> },
						]}
					/>
				</Screen>
			)}
		</Found>
	);
}
