// SPDX-License-Identifier: GPL-3.0-or-later
// What a machine's BMC knows: its sensors and its event log. Each is asked of the BMC when it is looked at, which takes seconds;
// it is not asked again by itself, since the BMC does one thing at a time and is needed for more than looking.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get } from '../api/client';
import type { EventLog, Sensors } from '../api/types';
import { Button, Table, Tbody, Td, Th, Thead, Tr } from '../pf';
import { Bullseye } from '../ui/bullseye';
import { formatNumber } from '../ui/format';
import { Foreign } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { StateLabel, Time, useWords } from '../ui/words';

function useReading<T>(id: string, what: 'sensors' | 'sel') {
	return useQuery({
		queryKey: ['bmc', what, id],
		queryFn: ({ signal }) => get<T>(`/v1/machines/${id}/${what}`, undefined, signal),
		staleTime: Infinity,
		refetchInterval: false,
		refetchOnMount: 'always',
		retry: false,
	});
}

function Reading(props: { at: string | null | undefined; error: unknown; fetching: boolean; onAgain: () => void; children: ReactNode }) {
	const { t } = useWords();
	return (
		<>
			<div className="ingot-reading">
				{props.at && (
					<span>
						{t('bmc.readAt')} <Time at={props.at} />
					</span>
				)}
				<Button variant="secondary" size="sm" isDisabled={props.fetching} isLoading={props.fetching} onClick={props.onAgain}>
					{props.fetching ? t('bmc.reading') : t('bmc.again')}
				</Button>
			</div>
			<ProblemAlert error={props.error} />
			{props.children}
		</>
	);
}

function Rows({ label, heads, children }: { label: string; heads: string[]; children: ReactNode }) {
	return (
		<div className="ingot-scroll-x" role="region" aria-label={label} tabIndex={0}>
			<Table variant="compact" aria-label={label}>
				<Thead>
					<Tr>
						{heads.map((head) => (
							<Th key={head}>{head}</Th>
						))}
					</Tr>
				</Thead>
				<Tbody>{children}</Tbody>
			</Table>
		</div>
	);
}

/** BMCs say C and F of temperatures. */
const unitOf = ({ type, unit }: Sensors['sensors'][number]) => (type === 'Temperature' && (unit === 'C' || unit === 'F') ? `°${unit}` : unit);

export function MachineSensors({ id }: { id: string }) {
	const { t, language } = useWords();
	const reading = useReading<Sensors>(id, 'sensors');
	const sensors = reading.data?.sensors ?? [];
	return (
		<Reading at={reading.data?.read_at} error={reading.error} fetching={reading.isFetching} onAgain={() => void reading.refetch()}>
			{reading.isPending && <Bullseye />}
			{reading.data && sensors.length === 0 && <p>{t('machine.sensorsNone')}</p>}
			{sensors.length > 0 && (
				<Rows label={t('machine.sensors')} heads={[t('field.sensor'), t('field.type'), t('field.value'), t('field.state')]}>
					{sensors.map((sensor) => (
						<Tr key={sensor.number}>
							<Td dataLabel={t('field.sensor')}><Foreign text={sensor.name} /></Td>
							<Td dataLabel={t('field.type')}><Foreign text={sensor.type} /></Td>
							<Td dataLabel={t('field.value')}>
								{sensor.value === null || sensor.value === undefined ? (
									<Foreign text={sensor.text} />
								) : (
									<>
										{formatNumber(sensor.value, language)} {sensor.unit && <Foreign text={unitOf(sensor)} />}
									</>
								)}
							</Td>
							<Td dataLabel={t('field.state')}><StateLabel state={sensor.state} /></Td>
						</Tr>
					))}
				</Rows>
			)}
		</Reading>
	);
}

export function MachineEventLog({ id }: { id: string }) {
	const { t } = useWords();
	const reading = useReading<EventLog>(id, 'sel');
	const entries = [...(reading.data?.entries ?? [])].reverse();
	return (
		<Reading at={reading.data?.read_at} error={reading.error} fetching={reading.isFetching} onAgain={() => void reading.refetch()}>
			{reading.isPending && <Bullseye />}
			{reading.data && entries.length === 0 && <p>{t('sel.none')}</p>}
			{entries.length > 0 && (
				<>
					<p className="ingot-note">{t('sel.shown', { count: entries.length, total: reading.data?.total })}</p>
					<Rows label={t('machine.sel')} heads={[t('field.time'), t('field.sensor'), t('sel.what'), t('field.state')]}>
						{entries.map((entry) => (
							<Tr key={entry.number}>
								<Td dataLabel={t('field.time')}>{entry.time ? <Time at={entry.time} /> : t('sel.noClock')}</Td>
								<Td dataLabel={t('field.sensor')}>
									<Foreign text={entry.sensor} /> {entry.type && <Foreign text={entry.type} />}
								</Td>
								<Td dataLabel={t('sel.what')}>
									{entry.ended && <strong>{t('sel.ended')} </strong>}
									<Foreign text={entry.text} />
								</Td>
								<Td dataLabel={t('field.state')}><StateLabel state={entry.state} /></Td>
							</Tr>
						))}
					</Rows>
				</>
			)}
		</Reading>
	);
}
