// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown of a pool wherever one is.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Pool, PoolUsage } from '../api/types';
import { Bar, Facts, type Fact } from '../ui/parts';
import { useWords } from '../ui/words';
import { formatAhead, fullAfterMs } from './forecast';

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

/** When it will be full, once that can be told. */
function PoolForecast({ pool }: { pool: Pool }) {
	const { t, language } = useWords();
	const usage = useQuery({
		queryKey: ['pool-usage', pool.id],
		queryFn: ({ signal }) => get<PoolUsage>(`/v1/pools/${pool.id}/usage`, undefined, signal),
		refetchInterval: USAGE_MS,
		staleTime: USAGE_MS,
	});
	const ms = usage.data ? fullAfterMs(usage.data.samples) : null;
	if (ms === null) return null;
	return (
		<p className="ingot-note" data-forecast={pool.name}>
			{t('pool.forecast', { when: formatAhead(ms, language) })}
		</p>
	);
}

export function PoolUse({ pool }: { pool: Pool }) {
	const { t, bytes } = useWords();
	const share = pool.total_bytes ? (pool.used_bytes / pool.total_bytes) * 100 : 0;
	return (
		<>
			<Bar
				value={share}
				danger={share >= 85}
				label={t('pool.use')}
				text={t('pool.useText', { used: bytes(pool.used_bytes), total: bytes(pool.total_bytes), free: bytes(pool.available_bytes) })}
			/>
			<PoolForecast pool={pool} />
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
