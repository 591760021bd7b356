// SPDX-License-Identifier: GPL-3.0-or-later
// What can be asked of a machine: accept, deploy, power, to forget it.
import { useEffect, useState } from 'react';
import { useNavigate } from 'react-router-dom';
import { useChange } from '../api/queries';
import type { Machine } from '../api/types';
import { Button, FormGroup, Radio } from '../pf';
import { CutOff } from '../ui/cut-off';
import { DangerDialog, Dialog } from '../ui/dialog';
import { TextField, useComplaint } from '../ui/field';
import { Foreign } from '../ui/parts';
import { useMay } from '../ui/session';
import { diskName, systemDisk } from '../ui/system-disk';
import { useWords } from '../ui/words';
import { canDelete } from './machine-plan';

type Power = 'on' | 'off' | 'cycle' | 'reset';
const POWERS: Power[] = ['on', 'off', 'cycle', 'reset'];

function AcceptDialog({ machine, onClose }: { machine: Machine; onClose: () => void }) {
	const { t } = useWords();
	const complain = useComplaint();
	const [name, setName] = useState(machine.name ?? '');
	const [zone, setZone] = useState(machine.zone ?? '');
	const body = { ...(name && name !== machine.name ? { name } : {}), ...(zone.trim() !== (machine.zone ?? '') ? { zone: zone.trim() } : {}) };
	const change = useChange<Machine>();
	return (
		<Dialog
			title={t('machine.acceptTitle', { name: machine.name })}
			confirm={t('machine.accept')}
			busy={change.isPending}
			error={change.error}
			disabled={Boolean(complain('machine_accept_request', 'name', name) ?? complain('machine_accept_request', 'zone', zone))}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					{ method: 'POST', path: `/v1/machines/${machine.id}/accept`, body, touches: ['machines'] },
					{ onSuccess: onClose },
				)
			}
		>
			<p>{t('machine.acceptExplain')}</p>
			<TextField label={t('field.hostName')} request="machine_accept_request" name="name" value={name} onChange={setName} error={change.error} />
			<TextField label={t('field.zone')} help={t('machine.zoneHelp')} request="machine_accept_request" name="zone" value={zone} onChange={setZone} error={change.error} />
		</Dialog>
	);
}

function DeployDialog({ machine, onClose }: { machine: Machine; onClose: () => void }) {
	const { t, bytes } = useWords();
	const proposed = systemDisk(machine);
	const proposal = (proposed && diskName(proposed)) ?? '';
	const [disk, setDisk] = useState(proposal);
	// The dialog may be open before the inventory is there. What was once shown stays: a person has read what will be lost.
	useEffect(() => setDisk((before) => before || proposal), [proposal]);
	const [name, setName] = useState(machine.name ?? '');
	const [typed, setTyped] = useState('');
	const complain = useComplaint();
	const change = useChange();
	const disks = (machine.inventory?.disks ?? []).filter((each) => diskName(each));
	const chosen = disks.find((each) => diskName(each) === disk);
	return (
		<Dialog
			title={t('machine.deployTitle', { name: machine.name })}
			confirm={t('machine.deploy')}
			danger
			wide
			busy={change.isPending}
			error={change.error}
			disabled={!chosen || typed !== machine.name || Boolean(complain('machine_deploy_request', 'name', name))}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					{
						method: 'POST',
						path: `/v1/machines/${machine.id}/deploy`,
						body: { disk, ...(name && name !== machine.name ? { name } : {}) },
						touches: ['machines'],
					},
					{ onSuccess: onClose },
				)
			}
		>
			<p>{t('machine.deployExplain')}</p>
			<FormGroup role="radiogroup" label={t('machine.deployDisk')} fieldId="deploy-disk">
				{disks.map((each) => {
					const value = diskName(each) ?? '';
					return (
						<Radio
							key={value}
							id={`deploy-${value}`}
							name="disk"
							isChecked={disk === value}
							onChange={() => setDisk(value)}
							label={
								<>
									<Foreign text={value} /> · {bytes(each.size_bytes)} · <Foreign text={each.model} />
								</>
							}
						/>
					);
				})}
			</FormGroup>
			<p className="ingot-lost">
				{chosen ? t('machine.deployLostDisk', { disk: diskName(chosen), size: bytes(chosen.size_bytes) }) : t('machine.deployLost')}
			</p>
			<TextField label={t('field.hostName')} request="machine_deploy_request" name="name" value={name} onChange={setName} error={change.error} />
			<TextField label={t('danger.type', { name: machine.name })} request="none" name="confirm" value={typed} onChange={setTyped} />
		</Dialog>
	);
}

function PowerDialog({ machine, action, onClose }: { machine: Machine; action: Power; onClose: () => void }) {
	const { t } = useWords();
	const change = useChange();
	const ask = () =>
		change.mutate({ method: 'POST', path: `/v1/machines/${machine.id}/power`, body: { action }, touches: ['machines'] }, { onSuccess: onClose });
	const common = {
		title: t('machine.powerTitle', { action: t(`power.${action}`), name: machine.name }),
		confirm: t(`power.${action}`),
		busy: change.isPending,
		error: change.error,
		onConfirm: ask,
		onClose,
	};
	if (action === 'on')
		return (
			<Dialog {...common}>
				<p>{t('machine.powerOnExplain')}</p>
			</Dialog>
		);
	return <DangerDialog {...common} name={machine.name ?? machine.id} lost={machine.node ? <CutOff node={machine.node} /> : <p>{t('machine.powerLost')}</p>} />;
}

function DeleteDialog({ machine, onClose }: { machine: Machine; onClose: () => void }) {
	const { t } = useWords();
	const navigate = useNavigate();
	const change = useChange();
	return (
		<DangerDialog
			title={t('machine.deleteTitle', { name: machine.name })}
			confirm={t('common.delete')}
			name={machine.name ?? machine.id}
			lost={<p>{t('machine.deleteExplain')}</p>}
			busy={change.isPending}
			error={change.error}
			onClose={onClose}
			onConfirm={() =>
				change.mutate({ method: 'DELETE', path: `/v1/machines/${machine.id}`, touches: ['machines'], accepted: () => void navigate('/machines') })
			}
		/>
	);
}

export function MachineActions({ machine }: { machine: Machine }) {
	const { t } = useWords();
	const [open, setOpen] = useState<'accept' | 'deploy' | 'delete' | Power | null>(null);
	const close = () => setOpen(null);
	if (!useMay('operator')) return null;
	return (
		<>
			{(machine.state === 'new' || machine.state === 'failed') && (
				<Button variant={machine.state === 'new' ? 'primary' : 'secondary'} onClick={() => setOpen('accept')}>
					{t('machine.accept')}
				</Button>
			)}
			{(machine.state === 'ready' || machine.state === 'failed') && <Button onClick={() => setOpen('deploy')}>{t('machine.deploy')}</Button>}
			{machine.bmc_address &&
				POWERS.filter((action) => (machine.power === 'off' ? action === 'on' : machine.power === 'on' ? action !== 'on' : true)).map((action) => (
					<Button key={action} variant="secondary" onClick={() => setOpen(action)}>
						{t(`power.${action}`)}
					</Button>
				))}
			{canDelete(machine) && (
				<Button variant="secondary" onClick={() => setOpen('delete')}>
					{t('common.delete')}
				</Button>
			)}
			{open === 'accept' && <AcceptDialog machine={machine} onClose={close} />}
			{open === 'deploy' && <DeployDialog machine={machine} onClose={close} />}
			{open === 'delete' && <DeleteDialog machine={machine} onClose={close} />}
			{open && open !== 'accept' && open !== 'deploy' && open !== 'delete' && <PowerDialog machine={machine} action={open} onClose={close} />}
		</>
	);
}
