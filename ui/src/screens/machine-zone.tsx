// SPDX-License-Identifier: GPL-3.0-or-later
// Where a machine stands, in words of its people.
import { useState } from 'react';
import { useChange, useShown } from '../api/queries';
import type { Machine } from '../api/types';
import { Button } from '../pf';
import { Dialog } from '../ui/dialog';
import { TextField, useComplaint } from '../ui/field';
import { Foreign } from '../ui/parts';
import { useMay } from '../ui/session';
import { useWords } from '../ui/words';

function ZoneDialog({ machine, onClose }: { machine: Machine; onClose: () => void }) {
	const { t } = useWords();
	const complain = useComplaint();
	const shown = useShown(machine, ['zone']);
	const [zone, setZone] = useState(machine.zone ?? '');
	const change = useChange<Machine>();
	const wanted = zone.trim() || null;
	return (
		<Dialog
			title={t('machine.zoneTitle', { name: machine.name })}
			confirm={t('common.save')}
			busy={change.isPending}
			error={change.error}
			disabled={wanted === shown.zone || Boolean(complain('machine_accept_request', 'zone', zone))}
			onClose={onClose}
			onConfirm={() =>
				change.mutate(
					{ method: 'PATCH', path: `/v1/machines/${machine.id}`, body: { zone: wanted }, revision: shown.revision, touches: ['machines', 'nodes'] },
					{ onSuccess: onClose },
				)
			}
		>
			<TextField label={t('field.zone')} help={t('machine.zoneHelp')} request="machine_accept_request" name="zone" value={zone} onChange={setZone} error={change.error} />
		</Dialog>
	);
}

export function MachineZone({ machine }: { machine: Machine }) {
	const { t } = useWords();
	const [open, setOpen] = useState(false);
	const operator = useMay('operator');
	return (
		<>
			{machine.zone ? <Foreign text={machine.zone} /> : '–'}{' '}
			{operator && (
				<Button variant="link" isInline onClick={() => setOpen(true)}>
					{t('machine.zoneChange')}
				</Button>
			)}
			{open && <ZoneDialog machine={machine} onClose={() => setOpen(false)} />}
		</>
	);
}
