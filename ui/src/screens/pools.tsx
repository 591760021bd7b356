// SPDX-License-Identifier: GPL-3.0-or-later
import { useAll } from '../api/queries';
import { Bullseye } from '../ui/bullseye';
import { Panel, Quote, Screen, Teach, To } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { StateLabel, useWords } from '../ui/words';
import { PoolFacts, PoolUse, usePoolSentence } from './pool-parts';

export default function Pools() {
	const { t } = useWords();
	const pools = useAll('pools', {}, 5000);
	const say = usePoolSentence();
	return (
		<Screen title={t('nav.pools')}>
			<ProblemAlert error={pools.error} />
			{pools.isPending && <Bullseye />}
			{pools.data?.length === 0 && <Teach title={t('pools.emptyTitle')}>{t('pools.emptyBody')}</Teach>}
			<div className="ingot-grid">
				{pools.data?.map((pool) => (
					<Panel key={pool.id} title={<To to={`/pools/${pool.id}`}>{pool.name ?? pool.id}</To>}>
						<p>
							<StateLabel state={pool.state} /> {say(pool)}
						</p>
						{pool.detail && (
							<p>
								<Quote text={pool.detail} />
							</p>
						)}
						<PoolUse pool={pool} />
						<PoolFacts pool={pool} />
					</Panel>
				))}
			</div>
		</Screen>
	);
}
