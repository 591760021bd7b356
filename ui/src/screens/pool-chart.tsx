// SPDX-License-Identifier: GPL-3.0-or-later
// How full a pool was, where that leads, and when it takes no more: drawn, in words, and as a table. Loaded when there is something to
// draw.
import { useMemo, useState, type SyntheticEvent } from 'react';
import { Table, Tbody, Td, Th, Thead, Tr } from '../pf';
import { TimeChart, type Line } from '../ui/time-chart';
import { Time, useWords } from '../ui/words';
import { FULL_RATIO, type Forecast, type Point } from './forecast';
import { aheadOf, curvesOf, dailyOf } from './pool-curves';

interface Row extends Point {
	ahead?: boolean;
}

function Figures({ name, rows }: { name: string; rows: Row[] }) {
	const { t, bytes } = useWords();
	return (
		<div className="ingot-scroll-x" role="region" aria-label={t('chart.figuresOf', { name })} tabIndex={0}>
			<Table variant="compact" aria-label={t('chart.figuresOf', { name })}>
				<Thead>
					<Tr>
						{[t('field.time'), t('chart.used'), t('chart.limit')].map((label) => (
							<Th key={label}>{label}</Th>
						))}
					</Tr>
				</Thead>
				<Tbody>
					{rows.map(({ atMs, used, total, ahead }) => (
						<Tr key={atMs} data-at={new Date(atMs).toISOString()}>
							<Td dataLabel={t('field.time')}>
								<span>
									<Time at={new Date(atMs).toISOString()} /> {ahead && t('chart.asForecast')}
								</span>
							</Td>
							<Td dataLabel={t('chart.used')} modifier="nowrap">
								{bytes(used)}
							</Td>
							<Td dataLabel={t('chart.limit')} modifier="nowrap">
								{bytes(total * FULL_RATIO)}
							</Td>
						</Tr>
					))}
				</Tbody>
			</Table>
		</div>
	);
}

export default function PoolChart({ name, points, forecast }: { name: string; points: Point[]; forecast: Forecast }) {
	const { t, bytes, time, language } = useWords();
	const [pointed, setPointed] = useState<number | null>(null);
	const [open, setOpen] = useState(false);
	const ahead = useMemo(() => aheadOf(points, forecast), [points, forecast]);
	const { times, lines } = useMemo(() => {
		const curves = curvesOf(points, ahead);
		const drawn: Line[] = [
			{ color: '--ingot-chart-used', values: curves.used, filled: true },
			{ color: '--ingot-chart-used', values: curves.ahead, dash: [6, 5] },
			{ color: '--ingot-chart-limit', values: curves.limit, width: 1.5 },
		];
		return { times: curves.times, lines: drawn };
	}, [points, ahead]);
	const [first, newest, end] = [points.at(0), points.at(-1), ahead.at(-1)];
	if (!first || !newest) return null;
	const at = (point: Point) => time(new Date(point.atMs).toISOString());
	const seen = pointed === null ? newest : [...points, ...ahead].find(({ atMs }) => atMs / 1000 === times[pointed]);
	const saying = { name, from: at(first), to: at(newest), first: bytes(first.used), last: bytes(newest.used), limit: bytes(newest.total * FULL_RATIO) };
	return (
		<figure className="ingot-chart" data-chart={name}>
			<TimeChart label={t('chart.label', saying)} times={times} lines={lines} language={language} onCursor={setPointed} />
			<figcaption>
				<ul className="ingot-legend" aria-label={t('chart.legend')}>
					<li className="ingot-legend-used">{t('chart.used')}</li>
					{end && <li className="ingot-legend-ahead">{t('chart.ahead')}</li>}
					<li className="ingot-legend-limit">{t('chart.limitAt', { limit: saying.limit })}</li>
				</ul>
				<p className="ingot-note" data-pointed={pointed !== null}>
					{seen ? t(ahead.includes(seen) ? 'chart.seenAhead' : 'chart.seen', { at: at(seen), used: bytes(seen.used) }) : t('chart.unknown')}
				</p>
			</figcaption>
			<details onToggle={(event: SyntheticEvent<HTMLDetailsElement>) => setOpen(event.currentTarget.open)}>
				<summary>{t('chart.figures')}</summary>
				{open && <Figures name={name} rows={[...(end ? [{ ...end, ahead: true }] : []), ...dailyOf(points)]} />}
			</details>
		</figure>
	);
}
