// SPDX-License-Identifier: GPL-3.0-or-later
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router-dom';
import { get } from '../api/client';
import { Button, Modal, ModalBody, ModalHeader, ModalVariant, Table, Tbody, Td, Th, Thead, Tr } from '../pf';
import { Bullseye } from '../ui/bullseye';
import { Facts, Panel, Screen } from '../ui/parts';
import { ProblemAlert } from '../ui/problem-alert';
import { useWords } from '../ui/words';

const LICENCE = 'GPL-3.0-or-later';

interface Part {
	kind: 'npm' | 'font';
	name: string;
	version: string;
	licence: string;
	/** Of the texts below, each with its file's name. */
	texts: { file: string; text: number }[];
}
/** What the build lays beside the dashboard (tools/licences.mjs). */
interface Licences {
	version: string;
	parts: Part[];
	texts: string[];
}

function LicenceTexts({ part, texts, onClose }: { part: Part; texts: string[]; onClose: () => void }) {
	return (
		<Modal isOpen variant={ModalVariant.medium} onClose={onClose} aria-labelledby="licence-title">
			<ModalHeader labelId="licence-title" title={`${part.name} ${part.version} · ${part.licence}`} />
			<ModalBody tabIndex={0}>
				{part.texts.map(({ file, text }) => (
					<section key={file}>
						<h2 className="ingot-subtitle">
							<code>{file}</code>
						</h2>
						<pre className="ingot-text" lang="en">
							{texts[text]}
						</pre>
					</section>
				))}
			</ModalBody>
		</Modal>
	);
}

function Parts({ licences }: { licences: Licences }) {
	const { t } = useWords();
	const [search, setSearch] = useSearchParams();
	const open = licences.parts.find((part) => part.name === search.get('licence'));
	return (
		<>
			<div className="ingot-scroll-x" role="region" aria-label={t('about.parts')} tabIndex={0}>
				<Table variant="compact" aria-label={t('about.parts')}>
					<Thead>
						<Tr>
							<Th>{t('field.name')}</Th>
							<Th>{t('field.type')}</Th>
							<Th>{t('about.version')}</Th>
							<Th>{t('about.licence')}</Th>
						</Tr>
					</Thead>
					<Tbody>
						{licences.parts.map((part) => (
							<Tr key={part.name}>
								<Td dataLabel={t('field.name')}><code>{part.name}</code></Td>
								<Td dataLabel={t('field.type')}>{t(part.kind === 'font' ? 'about.font' : 'about.package')}</Td>
								<Td dataLabel={t('about.version')}>{part.version}</Td>
								<Td dataLabel={t('about.licence')}>
									<Button
										variant="link"
										isInline
										aria-label={t('about.textOf', { name: part.name, licence: part.licence })}
										onClick={() => setSearch({ licence: part.name }, { replace: true })}
									>
										<code>{part.licence}</code>
									</Button>
								</Td>
							</Tr>
						))}
					</Tbody>
				</Table>
			</div>
			{open && <LicenceTexts part={open} texts={licences.texts} onClose={() => setSearch({}, { replace: true })} />}
		</>
	);
}

export default function About() {
	const { t } = useWords();
	const version = useQuery({ queryKey: ['version'], queryFn: () => get<{ name: string; version: string }>('/v1/version'), staleTime: Infinity });
	const licences = useQuery({ queryKey: ['licences'], queryFn: () => get<Licences>('/licences.json'), staleTime: Infinity, refetchInterval: false });
	return (
		<Screen title={t('nav.about')}>
			<ProblemAlert error={version.error} />
			<div className="ingot-grid">
				<Panel title={t('product')}>
					<Facts
						facts={[
							[t('about.provisioner'), version.data?.version],
							[t('about.dashboard'), licences.data?.version],
							[t('about.licence'), <code key="l">{LICENCE}</code>],
						]}
					/>
					<p>
						<a href="/v1/openapi.json">{t('about.openapi')}</a>
					</p>
				</Panel>
			</div>
			<h2 className="ingot-subtitle">{t('about.parts')}</h2>
			<p className="ingot-note">{t('about.partsHelp')}</p>
			<ProblemAlert error={licences.error} />
			{licences.isPending && <Bullseye />}
			{licences.data && <Parts licences={licences.data} />}
		</Screen>
	);
}
