// SPDX-License-Identifier: GPL-3.0-or-later
// The map: what stands where. Machines that are nodes with what runs on them, and the others with how far they are.
import type { Machine, Node, Vm } from '../api/types';
import { ButtonLink, Foreign, To } from '../ui/parts';
import { StateLabel, useWords } from '../ui/words';

const NODES_SHOWN = 60;
export const MACHINES_SHOWN = 60;
const VMS_SHOWN = 12;

export interface Zone {
	/** null: of those whose zone nobody said. */
	zone: string | null;
	nodes: Node[];
	machines: Machine[];
}

/** By zone, in the order of their names, numbers in them as numbers; what has none comes last. */
export function zonesOf(nodes: Node[], machines: Machine[]): Zone[] {
	const zones = new globalThis.Map<string | null, Zone>();
	const at = (zone: string | null) => {
		const known = zones.get(zone) ?? { zone, nodes: [], machines: [] };
		zones.set(zone, known);
		return known;
	};
	nodes.forEach((node) => at(node.zone).nodes.push(node));
	machines.forEach((machine) => at(machine.zone).machines.push(machine));
	return [...zones.values()].sort((a, b) => {
		if (a.zone === null || b.zone === null) return Number(a.zone === null) - Number(b.zone === null);
		return a.zone.localeCompare(b.zone, undefined, { numeric: true });
	});
}

function NodeCard({ node, vms }: { node: Node; vms: Vm[] }) {
	const { t, word } = useWords();
	return (
		<li className={`ingot-map-node ingot-map-${node.health}`}>
			<To to={`/nodes/${node.id}`}>{node.name ?? node.id}</To> <StateLabel state={node.health} />
			<ul>
				{vms.slice(0, VMS_SHOWN).map((vm) => (
					<li key={vm.id} data-vm={vm.name}>
						<To to={`/vms/${vm.id}`}>{vm.name}</To> <span className="ingot-note">{word(vm.state)}</span>
					</li>
				))}
			</ul>
			{vms.length === 0 && <p className="ingot-note">{t('node.noVms')}</p>}
			{vms.length > VMS_SHOWN && <p>{t('overview.more', { count: vms.length - VMS_SHOWN })}</p>}
		</li>
	);
}

function MachineCard({ machine }: { machine: Machine }) {
	const { t } = useWords();
	return (
		<li className={`ingot-map-node ingot-map-machine ingot-map-machine-${machine.state}`}>
			<To to={`/machines/${machine.id}`}>{machine.name ?? machine.id}</To> <StateLabel state={machine.state} />
			<p className="ingot-note">{t('overview.noNode')}</p>
		</li>
	);
}

function ZonePart({ zone, vms, named }: { zone: Zone; vms: Vm[]; named: boolean }) {
	const { t } = useWords();
	const name = zone.zone ?? t('overview.zoneNone');
	return (
		<section aria-label={named ? name : t('overview.map')} data-zone={zone.zone ?? ''}>
			{named && <h3 className="ingot-zone">{zone.zone ? <Foreign text={zone.zone} /> : name}</h3>}
			<ul className="ingot-map">
				{zone.nodes.map((node) => (
					<NodeCard key={node.id} node={node} vms={vms.filter((vm) => vm.node === node.id)} />
				))}
				{zone.machines.map((machine) => (
					<MachineCard key={machine.id} machine={machine} />
				))}
			</ul>
		</section>
	);
}

/** machines: those that are no nodes, as many as are shown; others: how many there are of them in all. */
export function OverviewMap({ nodes, machines, others, vms }: { nodes: Node[]; machines: Machine[]; others: number; vms: Vm[] }) {
	const { t } = useWords();
	const ordered = zonesOf(nodes, []).flatMap((zone) => zone.nodes);
	const zones = zonesOf(ordered.slice(0, NODES_SHOWN), machines.slice(0, MACHINES_SHOWN));
	const named = zones.some((zone) => zone.zone !== null);
	return (
		<>
			{nodes.length === 0 && (
				<>
					<p>{t('overview.noNodes')}</p>
					<ButtonLink to="/guide" primary>
						{t('nav.guide')}
					</ButtonLink>
				</>
			)}
			{zones.map((zone) => (
				<ZonePart key={zone.zone ?? ''} zone={zone} vms={vms} named={named} />
			))}
			{nodes.length > NODES_SHOWN && (
				<p>
					<To to="/nodes">{t('overview.moreNodes', { count: nodes.length - NODES_SHOWN })}</To>
				</p>
			)}
			{others > MACHINES_SHOWN && (
				<p>
					<To to="/machines">{t('overview.moreMachines', { count: others - MACHINES_SHOWN })}</To>
				</p>
			)}
		</>
	);
}
