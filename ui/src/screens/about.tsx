// SPDX-License-Identifier: GPL-3.0-or-later
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import licences from '../licences.gen.json';
import { Table, Tbody, Td, Th, Thead, Tr } from '../pf';
import { Facts, Panel, Screen } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';

const LICENCE = 'GPL-3.0-or-later';

export default function About() {
	const { t } = useWords();
	const version = useQuery({ queryKey: ['version'], queryFn: () => get<{ name: string; version: string }>('/v1/version'), staleTime: Infinity });
	return (
		<Screen title={t('nav.about')}>
			<ProblemAlert error={version.error} />
			<div className="ingot-grid">
				<Panel title={t('product')}>
					<Facts
						facts={[
							[t('about.provisioner'), version.data?.version],
							[t('about.dashboard'), licences.version],
							[t('about.licence'), <code key="l">{LICENCE}</code>],
						]}
					/>
					<p>
						<a href="/v1/openapi.json">{t('about.openapi')}</a>
					</p>
				</Panel>
			</div>
			<h2 className="ingot-subtitle">{t('about.parts')}</h2>
			<div className="ingot-scroll-x" role="region" aria-label={t('about.parts')} tabIndex={0}>
				<Table variant="compact" aria-label={t('about.parts')}>
					<Thead>
						<Tr>
							<Th>{t('field.name')}</Th>
							<Th>{t('about.version')}</Th>
							<Th>{t('about.licence')}</Th>
						</Tr>
					</Thead>
					<Tbody>
						{licences.packages.map((each) => (
							<Tr key={each.name}>
								<Td><code>{each.name}</code></Td>
								<Td>{each.version}</Td>
								<Td><code>{each.licence}</code></Td>
							</Tr>
						))}
					</Tbody>
				</Table>
			</div>
		</Screen>
	);
}
