// SPDX-License-Identifier: GPL-3.0-or-later
import { lazy } from 'react';
import { useOne } from '../api/queries';
import type { Machine } from '../api/types';
import { Table, Tbody, Td, Th, Thead, Tr } from '../pf';
import { Found, Sections, type Section } from '../ui/detail';
import { disksOf } from '../ui/disk-use';
import { Bar, Facts, Foreign, Panel, Screen, To } from '../ui/parts';
import { ResourceError } from '../ui/problem-alert';
import { useMay } from '../ui/session';
import { StateLabel, Time, useWords } from '../ui/words';
import { DiskUseText } from './disk-use-text';
import { MachineActions } from './machine-actions';
import { MachineZone } from './machine-zone';
import { Timeline } from './timeline';

const MachineSensors = lazy(() => import('./machine-bmc').then((all) => ({ default: all.MachineSensors })));
const MachineEventLog = lazy(() => import('./machine-bmc').then((all) => ({ default: all.MachineEventLog })));
const ConsolePanel = lazy(() => import('./console-panel'));

function Summary({ machine }: { machine: Machine }) {
	const { t, step, word, bytes } = useWords();
	const inventory = machine.inventory;
	return (
		<div className="ingot-grid">
			<Panel title={t('machine.life')}>
				<Facts
					facts={[
						[t('field.state'), <StateLabel key="s" state={machine.state} />],
						[t('field.step'), step(machine.step)],
						[t('field.deadline'), <Time key="d" at={machine.step_deadline} />],
						[t('field.node'), machine.node ? <To to={`/nodes/${machine.node}`}>{machine.name}</To> : null],
						[t('field.zone'), <MachineZone key="z" machine={machine} />],
						[t('field.found'), <Time key="f" at={machine.created} />],
						[t('field.agentSeen'), <Time key="a" at={machine.agent_seen} ago />],
					]}
				/>
				{machine.state === 'deploying' && (
					<Bar value={machine.install_progress ?? 0} label={t('machine.install')} text={step(machine.install_step) === '–' ? t('machine.install') : step(machine.install_step)} />
				)}
			</Panel>
			<Panel title={t('machine.hardware')}>
				<Facts
					facts={[
						[t('field.vendor'), <Foreign key="v" text={inventory?.system?.vendor} />],
						[t('field.model'), <Foreign key="m" text={inventory?.system?.product} />],
						[t('field.serial'), <Foreign key="s" text={machine.serial ?? inventory?.system?.serial} />],
						[t('field.uuid'), machine.uuid],
						[t('field.cpu'), <Foreign key="c" text={inventory?.cpu?.model} />],
						[t('field.threads'), inventory?.cpu ? t('machine.threads', { cores: inventory.cpu.cores, threads: inventory.cpu.threads }) : null],
						[t('field.memory'), bytes(inventory?.memory_bytes)],
						[t('field.firmware'), word(machine.firmware)],
						[t('field.kernel'), <Foreign key="k" text={inventory?.kernel} />],
					]}
				/>
			</Panel>
			<Panel title={t('field.bmc')}>
				<Facts
					facts={[
						[t('field.address'), machine.bmc_address],
						[t('field.state'), <StateLabel key="s" state={machine.bmc_state} />],
						[t('field.power'), <StateLabel key="p" state={machine.power} />],
						[t('field.driver'), machine.bmc_driver && <code key="d">{machine.bmc_driver}</code>],
						[t('field.user'), machine.bmc_user],
					]}
				/>
				<ResourceError error={machine.bmc_error} title={t('machine.bmcError')} kind="bmc" />
			</Panel>
			<Panel title={t('machine.network')}>
				<Facts
					facts={[
						[t('field.address'), machine.address],
						[t('field.bootMac'), machine.boot_mac],
					]}
				/>
			</Panel>
		</div>
	);
}

function Disks({ machine }: { machine: Machine }) {
	const { t, bytes } = useWords();
	const node = useOne('nodes', machine.node);
	return (
		<div className="ingot-scroll-x" role="region" aria-label={t('machine.disks')} tabIndex={0}>
			<Table variant="compact" aria-label={t('machine.disks')}>
				<Thead>
					<Tr>
						{[t('field.serial'), t('field.model'), t('field.size'), t('field.path'), t('field.wwn'), t('field.use')].map((label) => (
							<Th key={label}>{label}</Th>
						))}
					</Tr>
				</Thead>
				<Tbody>
					{disksOf([machine], node.data ? [node.data] : []).map(({ id, disk, use }) => (
						<Tr key={id}>
							<Td dataLabel={t('field.serial')}><Foreign text={disk.serial} /></Td>
							<Td dataLabel={t('field.model')}><Foreign text={disk.model} /></Td>
							<Td dataLabel={t('field.size')}>{bytes(disk.size_bytes)}</Td>
							<Td dataLabel={t('field.path')}><Foreign text={disk.path} /></Td>
							<Td dataLabel={t('field.wwn')}><Foreign text={disk.wwn} /></Td>
							<Td dataLabel={t('field.use')}><DiskUseText use={use} /></Td>
						</Tr>
					))}
				</Tbody>
			</Table>
		</div>
	);
}

function Nics({ machine }: { machine: Machine }) {
	const { t } = useWords();
	return (
		<div className="ingot-scroll-x" role="region" aria-label={t('machine.nics')} tabIndex={0}>
			<Table variant="compact" aria-label={t('machine.nics')}>
				<Thead>
					<Tr>
						{[t('field.name'), t('field.mac'), t('field.link'), t('field.speed'), t('field.driver')].map((label) => (
							<Th key={label}>{label}</Th>
						))}
					</Tr>
				</Thead>
				<Tbody>
					{(machine.inventory?.nics ?? []).map((nic, index) => (
						<Tr key={nic.mac ?? index}>
							<Td dataLabel={t('field.name')}><Foreign text={nic.name} /></Td>
							<Td dataLabel={t('field.mac')}>{nic.mac ?? '–'}</Td>
							<Td dataLabel={t('field.link')}>{nic.link ? t('common.yes') : t('common.no')}</Td>
							<Td dataLabel={t('field.speed')}>{nic.speed_mbps ? t('machine.mbps', { count: nic.speed_mbps }) : '–'}</Td>
							<Td dataLabel={t('field.driver')}><Foreign text={nic.driver} /></Td>
						</Tr>
					))}
				</Tbody>
			</Table>
		</div>
	);
}

function useSections(operator: boolean) {
	const { t } = useWords();
	return (machine: Machine): [Section, ...Section[]] => {
		const sensors: Section[] = [
			{ key: 'sensors', label: t('machine.sensors'), content: () => <MachineSensors id={machine.id} /> },
			{ key: 'sel', label: t('machine.sel'), content: () => <MachineEventLog id={machine.id} /> },
		];
		const console: Section = {
			key: 'console',
			label: t('tab.console'),
			content: () => (
				<ConsolePanel
					collection="machines"
					id={machine.id}
					name={machine.name ?? machine.id}
					kind="serial"
					life={machine.bmc_address ?? ''}
					note={machine.power === 'off' ? t('console.off') : undefined}
				/>
			),
		};
		return [
			{ key: 'summary', label: t('tab.summary'), content: () => <Summary machine={machine} /> },
			{ key: 'disks', label: t('machine.disks'), content: () => <Disks machine={machine} /> },
			{ key: 'nics', label: t('machine.nics'), content: () => <Nics machine={machine} /> },
			...(machine.bmc_address ? sensors : []),
			{ key: 'timeline', label: t('tab.timeline'), content: () => <Timeline id={machine.id} /> },
			...(operator && machine.bmc_address ? [console] : []),
		];
	};
}

export default function MachineScreen() {
	const { t, step } = useWords();
	const sectionsOf = useSections(useMay('operator'));
	const back = { to: '/machines', label: t('nav.machines') };
	return (
		<Found collection="machines" title={t('kind.machine')} back={back} refetchInterval={4000}>
			{(machine, stale) => (
				<Screen
					title={machine.name ?? machine.id}
					back={back}
					state={<StateLabel state={machine.state} />}
					actions={<MachineActions machine={machine} />}
				>
					<ResourceError error={machine.error} title={t('machine.failedAt', { step: step(machine.failed_step) })} kind="machine" />
					{stale}
					<Sections sections={sectionsOf(machine)} />
				</Screen>
			)}
		</Found>
	);
}
