// SPDX-License-Identifier: GPL-3.0-or-later
// A new virtual machine: on a volume that is there, or on a new one cloned from an image.
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from 'react-router-dom';
import { get } from '../api/client';
import { asProblem, Problem } from '../api/problem';
import { untilMade, useAll, useChange } from '../api/queries';
import type { Vm, Volume } from '../api/types';
import { ActionGroup, Alert, Button, Checkbox, Form, FormGroup, Radio } from '../pf';
import { SelectField, TextField, useComplaint } from '../ui/field';
import { ForRole } from '../ui/for-role';
import { parseBytes } from '../ui/format';
import { ButtonLink, Screen, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';
import { CloudInitFields, bodyOf, noCloudInit, useVerdict } from './cloud-init';

/** What was made for a form. Of no use: its making failed. */
interface Made {
	id: string;
	name: string;
	image: string;
	size: string;
	useless?: boolean;
}

/** Rejects if there is a virtual machine of that name: before anything is made for another one. */
async function checkFree(name: string): Promise<void> {
	const found = await get<Vm>(`/v1/vms/${encodeURIComponent(name)}`).catch((error: unknown) => {
		if (asProblem(error).status === 404) return null;
		throw error;
	});
	if (found) throw new Problem(409, 'exists', `there is a virtual machine '${name}' already`, 'name');
}

function VmForm() {
	const { t, bytes } = useWords();
	const navigate = useNavigate();
	const complain = useComplaint();
	const images = useAll('images', { state: 'available' });
	const volumes = useAll('volumes', { state: 'available' });
	const networks = useAll('networks');
	const [name, setName] = useState('');
	const [cpus, setCpus] = useState('1');
	const [memory, setMemory] = useState('1 GiB');
	const [fromImage, setFromImage] = useState(true);
	const [image, setImage] = useState('');
	const [size, setSize] = useState('');
	const [volume, setVolume] = useState('');
	const [start, setStart] = useState(true);
	const [plugged, setPlugged] = useState<string[]>([]);
	const [given, setGiven] = useState(false);
	const [cloudInit, setCloudInit] = useState(noCloudInit);
	const verdict = useVerdict(given ? cloudInit : noCloudInit);
	// A second try does not make it again, whatever the virtual machine is called by then.
	const [made, setMade] = useState<Made | null>(null);
	const ask = useMutation<void, Problem, string>({ mutationFn: checkFree });
	const makeVolume = useChange<Volume>();
	const left = useRef(new AbortController());
	useEffect(() => {
		const here = new AbortController();
		left.current = here;
		return () => here.abort();
	}, []);
	const awaitVolume = useMutation<void, Problem, string>({ mutationFn: (id) => untilMade(id, left.current.signal) });
	const makeVm = useChange<Vm>();
	const error = ask.error ?? makeVolume.error ?? awaitVolume.error ?? makeVm.error;
	const busy = ask.isPending || makeVolume.isPending || awaitVolume.isPending || makeVm.isPending;
	const chosenImage = image || (images.data?.[0]?.id ?? '');
	const chosenVolume = volume || (volumes.data?.[0]?.id ?? '');
	const free = (volumes.data ?? []).filter((each) => !each.vm);
	const bad =
		complain('vm_request', 'name', name) ??
		complain('vm_request', 'cpus', cpus) ??
		complain('vm_request', 'memory_bytes', memory) ??
		(given ? complain('vm_request', 'hostname', cloudInit.hostname) : null) ??
		(verdict.bad || (fromImage ? (complain('volume_request', 'size_bytes', size) ?? !chosenImage) : !chosenVolume));

	const volumeOf = async (): Promise<string> => {
		if (!fromImage) return chosenVolume;
		const wanted = { name, image: chosenImage, size };
		let mine = made;
		if (!mine || mine.useless || mine.image !== wanted.image || mine.size !== wanted.size) {
			const answer = await makeVolume.mutateAsync({
				method: 'POST',
				path: '/v1/volumes',
				body: { name, image: chosenImage, ...(size ? { size_bytes: parseBytes(size) } : {}) },
				touches: ['volumes'],
			});
			mine = { id: answer.id, ...wanted };
			setMade(mine);
		}
		await awaitVolume.mutateAsync(mine.id).catch((reason: unknown) => {
			const { status } = asProblem(reason);
			if (status === 404) setMade(null);
			else if (status === 409 && mine) setMade({ ...mine, useless: true });
			throw reason;
		});
		return mine.id;
	};
	const submit = async (event: FormEvent) => {
		event.preventDefault();
		if (bad || busy) return;
		ask.reset();
		makeVolume.reset();
		awaitVolume.reset();
		makeVm.reset();
		try {
			// The volume first: the page may be left while the storage clones.
			await ask.mutateAsync(name);
			const volumeId = await volumeOf();
			const vm = await makeVm.mutateAsync({
				method: 'POST',
				path: '/v1/vms',
				body: {
					name,
					cpus: Number(cpus),
					memory_bytes: parseBytes(memory),
					volume: volumeId,
					start,
					...(plugged.length > 0 ? { networks: plugged } : {}),
					...(given ? bodyOf(cloudInit) : {}),
				},
				touches: ['vms', 'volumes'],
			});
			if (!left.current.signal.aborted) void navigate(`/vms/${vm.id}`);
		} catch (reason) {
			// It is shown from the mutation.
			asProblem(reason);
		}
	};
	return (
		<Screen title={t('vm.create')} back={{ to: '/vms', label: t('nav.vms') }}>
			<Form className="ingot-form" onSubmit={(event) => void submit(event)}>
				<TextField label={t('field.name')} request="vm_request" name="name" value={name} onChange={setName} required help={t('help.name')} error={error} />
				<TextField label={t('field.cpus')} request="vm_request" name="cpus" type="number" value={cpus} onChange={setCpus} required error={error} />
				<TextField label={t('field.memory')} request="vm_request" name="memory_bytes" value={memory} onChange={setMemory} required help={t('help.size')} error={error} />
				<FormGroup role="radiogroup" label={t('vm.disk')} fieldId="vm-from-image">
					<Radio id="vm-from-image" name="disk" label={t('vm.fromImage')} isChecked={fromImage} onChange={() => setFromImage(true)} />
					<Radio id="vm-from-volume" name="disk" label={t('vm.fromVolume')} isChecked={!fromImage} onChange={() => setFromImage(false)} />
				</FormGroup>
				{fromImage && images.data?.length === 0 && (
					<Alert variant="info" isInline title={t('vm.noImages')}>
						<ButtonLink to="/images">{t('image.add')}</ButtonLink>
					</Alert>
				)}
				{fromImage && (images.data?.length ?? 0) > 0 && (
					<>
						<SelectField
							label={t('field.image')}
							request="volume_request"
							name="image"
							value={chosenImage}
							onChange={setImage}
							required
							options={(images.data ?? []).map((each) => ({ value: each.id, label: `${each.name} · ${bytes(each.size_bytes)}` }))}
							error={makeVolume.error}
						/>
						<TextField
							label={t('vm.diskSize')}
							request="volume_request"
							name="size_bytes"
							value={size}
							onChange={setSize}
							help={t('volume.sizeOfImage')}
							placeholder="10 GiB"
							error={makeVolume.error}
						/>
					</>
				)}
				{!fromImage && (
					<SelectField
						label={t('field.volume')}
						request="vm_request"
						name="volume"
						value={chosenVolume}
						onChange={setVolume}
						required
						options={free.map((each) => ({ value: each.id, label: `${each.name} · ${bytes(each.size_bytes)}` }))}
						help={free.length === 0 ? t('vm.noVolumes') : undefined}
						error={makeVm.error}
					/>
				)}
				<FormGroup role="group" label={t('field.networks')} fieldId="vm-networks">
					{networks.data?.length === 0 && <p>{t('vm.noNetworks')}</p>}
					{(networks.data ?? []).map((network) => (
						<Checkbox
							key={network.id}
							id={`vm-network-${network.id}`}
							label={`${network.name} · ${network.vlan ? t('network.vlan', { vlan: network.vlan }) : t('network.untagged')}`}
							isChecked={plugged.includes(network.name)}
							onChange={(_event, on) => setPlugged((before) => (on ? [...before, network.name] : before.filter((each) => each !== network.name)))}
						/>
					))}
				</FormGroup>
				<Checkbox
					id="vm-cloud-init"
					label={t('cloudInit.give')}
					description={t('cloudInit.giveHelp')}
					isChecked={given}
					onChange={(_event, on) => setGiven(on)}
				/>
				{given && <CloudInitFields form={cloudInit} onChange={setCloudInit} complaint={verdict.complaint} error={error ?? verdict.error} />}
				<Checkbox id="vm-start" label={t('vm.startAtOnce')} isChecked={start} onChange={(_event, on) => setStart(on)} />
				<ProblemAlert error={error} />
				{made && Boolean(error) && (
					<Alert variant="info" isInline title={t('vm.volumeStays', { name: made.name })}>
						{!made.useless && <p>{t('vm.volumeUsedAgain')}</p>}
						<To to={`/volumes/${made.id}`}>{t('vm.volumeLook')}</To>
					</Alert>
				)}
				<ActionGroup>
					<Button type="submit" isDisabled={Boolean(bad) || busy} isLoading={busy}>
						{t('common.create')}
					</Button>
					<ButtonLink to="/vms">{t('common.cancel')}</ButtonLink>
				</ActionGroup>
			</Form>
		</Screen>
	);
}

export default function VmNew() {
	const { t } = useWords();
	return (
		<ForRole role="operator" title={t('vm.create')}>
			<VmForm />
		</ForRole>
	);
}
