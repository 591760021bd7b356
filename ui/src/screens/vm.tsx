// SPDX-License-Identifier: GPL-3.0-or-later
import { lazy, useState } from 'react';
import { useNavigate } from 'react-router-dom';
import { useAll, useChange } from '../api/queries';
import type { Vm } from '../api/types';
import { Button } from '../pf';
import type { Section } from '../ui/detail';
import { DangerDialog, Dialog } from '../ui/dialog';
import { SelectField } from '../ui/field';
import { Bar, Facts, Panel, Quote, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useMay } from '../ui/session';
import { StateLabel, Time, useWords } from '../ui/words';
import { lifeOfVm } from './console-life';
import { OnePage } from './one';

const ConsolePanel = lazy(() => import('./console-panel'));

function MigrateDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
	const { t, bytes } = useWords();
	const nodes = useAll('nodes', { health: 'ready' });
	const [node, setNode] = useState('');
	const change = useChange();
	const others = (nodes.data ?? []).filter((each) => each.id !== vm.node);
	return (
		<Dialog
			title={t('vm.migrateTitle', { name: vm.name })}
			confirm={t('vm.migrate')}
			busy={change.isPending}
			error={change.error}
			onClose={onClose}
			onConfirm={() =>
				change.mutate({ method: 'POST', path: `/v1/vms/${vm.id}/migrate`, body: node ? { node } : {}, touches: ['vms'] }, { onSuccess: onClose })
			}
		>
			<p>{t('vm.migrateExplain')}</p>
			<SelectField
				label={t('field.node')}
				request="vm_migrate_request"
				name="node"
				value={node}
				onChange={setNode}
				options={[
					{ value: '', label: t('vm.bestNode') },
					...others.map((each) => ({ value: each.id, label: t('vm.nodeFree', { name: each.name, free: bytes(each.memory_free_bytes) }) })),
				]}
				error={change.error}
			/>
		</Dialog>
	);
}

function StopDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
	const { t } = useWords();
	const change = useChange();
	return (
		<DangerDialog
			title={t('vm.stopTitle', { name: vm.name })}
			confirm={t('vm.stop')}
			name={vm.name}
			lost={<p>{t('vm.stopLost')}</p>}
			busy={change.isPending}
			error={change.error}
			onClose={onClose}
			onConfirm={() => change.mutate({ method: 'POST', path: `/v1/vms/${vm.id}/stop`, touches: ['vms'] }, { onSuccess: onClose })}
		/>
	);
}

function DeleteDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
	const { t } = useWords();
	const navigate = useNavigate();
	const change = useChange();
	return (
		<DangerDialog
			title={t('vm.deleteTitle', { name: vm.name })}
			confirm={t('common.delete')}
			name={vm.name}
			lost={<p>{t('vm.deleteLost', { volume: vm.volume_name ?? vm.volume })}</p>}
			busy={change.isPending}
			error={change.error}
			onClose={onClose}
			onConfirm={() =>
				change.mutate({ method: 'DELETE', path: `/v1/vms/${vm.id}`, touches: ['vms', 'volumes'], accepted: () => void navigate('/vms') })
			}
		/>
	);
}

function Actions({ vm }: { vm: Vm }) {
	const { t } = useWords();
	const start = useChange();
	const [open, setOpen] = useState<'migrate' | 'stop' | 'delete' | null>(null);
	const close = () => setOpen(null);
	if (!useMay('operator')) return null;
	return (
		<>
			{(vm.state === 'stopped' || vm.state === 'failed') && (
				<Button isDisabled={start.isPending} onClick={() => start.mutate({ method: 'POST', path: `/v1/vms/${vm.id}/start`, touches: ['vms'] })}>
					{t('vm.start')}
				</Button>
			)}
			{vm.state === 'running' && (
				<Button variant="secondary" onClick={() => setOpen('migrate')}>
					{t('vm.migrate')}
				</Button>
			)}
			{(vm.state === 'running' || vm.state === 'starting') && (
				<Button variant="secondary" onClick={() => setOpen('stop')}>
					{t('vm.stop')}
				</Button>
			)}
			<Button variant="secondary" isDanger onClick={() => setOpen('delete')}>
				{t('common.delete')}
			</Button>
			<ProblemAlert error={start.error} />
			{open === 'migrate' && <MigrateDialog vm={vm} onClose={close} />}
			{open === 'stop' && <StopDialog vm={vm} onClose={close} />}
			{open === 'delete' && <DeleteDialog vm={vm} onClose={close} />}
		</>
	);
}

function Summary({ vm }: { vm: Vm }) {
	const { t, bytes } = useWords();
	return (
		<div className="ingot-grid">
			<Panel title={t('tab.summary')}>
				<Facts
					facts={[
						[t('field.state'), <StateLabel key="s" state={vm.state} />],
						[t('field.node'), vm.node ? <To to={`/nodes/${vm.node}`}>{vm.node_name ?? vm.node}</To> : null],
						[t('field.placement'), vm.placement && <Quote key="p" text={vm.placement} />],
						[t('field.cpus'), vm.cpus],
						[t('field.memory'), bytes(vm.memory_bytes)],
						[t('field.volume'), <To key="v" to={`/volumes/${vm.volume}`}>{vm.volume_name ?? vm.volume}</To>],
						[
							t('vm.cards'),
							vm.nics.length > 0
								? vm.nics.map((nic) => (
										<div key={nic.mac}>
											<To to={`/networks/${nic.network}`}>{nic.network_name}</To> · <code>{nic.mac}</code>
										</div>
									))
								: null,
						],
						[t('vm.cloudInit'), vm.cloud_init ? t('vm.hasSeed') : t('vm.noSeed')],
						[t('cloudInit.hostname'), vm.cloud_init ? (vm.hostname ?? vm.name) : null],
						[t('field.starts'), vm.generation],
						[t('field.created'), <Time key="c" at={vm.created} />],
					]}
				/>
			</Panel>
		</div>
	);
}

function Migration({ vm }: { vm: Vm }) {
	const { t } = useWords();
	const nodes = useAll('nodes');
	const nameOf = (node: string | null) => nodes.data?.find((each) => each.id === node)?.name ?? node;
	return (
		<Bar
			value={vm.migration_progress}
			label={t('vm.migrating')}
			text={t('vm.migratingTo', { from: vm.node_name ?? nameOf(vm.node) ?? '–', to: nameOf(vm.target) ?? '–' })}
		/>
	);
}

export default function VmScreen() {
	const { t } = useWords();
	const operator = useMay('operator');
	const consoleOf = (vm: Vm, kind: 'vnc' | 'serial', label: string): Section => ({
		key: kind,
		label,
		content: () => <ConsolePanel key={kind} collection="vms" id={vm.id} name={vm.name} kind={kind} life={lifeOfVm(vm)} />,
	});
	return (
		<OnePage
			collection="vms"
			kind="vm"
			failed={t('vm.lastError')}
			refetchInterval={2000}
			actions={(vm) => <Actions vm={vm} />}
			above={(vm) => vm.state === 'migrating' && <Migration vm={vm} />}
			summary={(vm) => <Summary vm={vm} />}
			more={(vm) => (operator ? [consoleOf(vm, 'vnc', t('tab.screen')), consoleOf(vm, 'serial', t('tab.serial'))] : [])}
		/>
	);
}
