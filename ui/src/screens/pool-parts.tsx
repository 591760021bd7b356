// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown of a pool wherever one is.
import { lazy, Suspense, useMemo } from 'react';
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Pool, PoolUsage } from '../api/types';
import { Spinner } from '../pf';
import { ErrorBoundary } from '../ui/error-boundary';
import { useNow } from '../ui/now';
import { Bar, Facts, type Fact } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';
import { SPAN_MIN_DAYS, forecastOf, formatAhead, pointsOf, type Forecast, type Point } from './forecast';

const PoolChart = lazy(() => import('./pool-chart'));

/** There is something new once an hour. */
const USAGE_MS = 10 * 60000;

/** What state a pool is in, in a sentence. */
export function usePoolSentence() {
	const { t } = useWords();
	return (pool: Pool): string => {
		switch (pool.state) {
			case 'active':
				return t('pool.sayActive', { copies: pool.size });
			case 'degraded':
				return t('pool.sayDegraded', { down: pool.osds - pool.osds_up, osds: pool.osds });
			case 'unreachable':
				return t('pool.sayUnreachable');
			case 'creating':
				return t('pool.sayCreating');
			case 'waiting':
				return t('pool.sayWaiting');
		}
	};
}

function usePoolUsage(pool: Pool) {
	const { data, error } = useQuery({
		queryKey: ['pool-usage', pool.id],
		queryFn: ({ signal }) => get<PoolUsage>(`/v1/pools/${pool.id}/usage`, undefined, signal),
		refetchInterval: USAGE_MS,
		staleTime: USAGE_MS,
	});
	const points = useMemo(() => (data ? pointsOf(data.samples) : null), [data]);
	const forecast = useMemo(() => forecastOf(points ?? []), [points]);
	return { points, forecast, error };
}

/** When it will be full, or why nobody says so. */
function PoolForecast({ pool, points, forecast }: { pool: Pool; points: Point[]; forecast: Forecast }) {
	const { t, language } = useWords();
	const now = useNow();
	const say = () => {
		switch (forecast.kind) {
			case 'early':
				return t('pool.forecastEarly', { days: SPAN_MIN_DAYS, count: points.length });
			case 'steady':
				return t('pool.forecastSteady');
			case 'full':
				return t('pool.forecast', { when: formatAhead(forecast.atMs - now, language) });
		}
	};
	return (
		<p className="ingot-note" data-forecast={forecast.kind} data-pool={pool.name}>
			{say()}
		</p>
	);
}

/** charted: with how full it was. */
export function PoolUse({ pool, charted = false }: { pool: Pool; charted?: boolean }) {
	const { t, bytes } = useWords();
	const { points, forecast, error } = usePoolUsage(pool);
	const share = pool.total_bytes ? (pool.used_bytes / pool.total_bytes) * 100 : 0;
	return (
		<>
			<Bar
				value={share}
				danger={share >= 85}
				label={t('pool.use')}
				text={t('pool.useText', { used: bytes(pool.used_bytes), total: bytes(pool.total_bytes), free: bytes(pool.available_bytes) })}
			/>
			<ProblemAlert error={error} />
			{points && pool.total_bytes > 0 && <PoolForecast pool={pool} points={points} forecast={forecast} />}
			{charted && points && points.length > 1 && (
				<ErrorBoundary at={pool.id}>
					<Suspense
						fallback={
							<div className="ingot-plot">
								<Spinner aria-label={t('common.loading')} />
							</div>
						}
					>
						<PoolChart name={pool.name ?? pool.id} points={points} forecast={forecast} />
					</Suspense>
				</ErrorBoundary>
			)}
		</>
	);
}

export function PoolFacts({ pool, more = [] }: { pool: Pool; more?: Fact[] }) {
	const { t } = useWords();
	return (
		<Facts
			facts={[
				[t('field.ceph'), pool.health && <code key="h">{pool.health}</code>],
				[t('field.copies'), t('pool.copies', { size: pool.size, min: pool.min_size })],
				[t('field.dataDisks'), t('common.upOf', { up: pool.osds_up, all: pool.osds })],
				[t('field.nodesUp'), pool.hosts_up],
				[t('field.placementGroups'), t('pool.groups', { clean: pool.pgs_active_clean, all: pool.pgs })],
				...more,
			]}
		/>
	);
}
