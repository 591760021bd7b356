// SPDX-License-Identifier: GPL-3.0-or-later
import { asProblem, type Problem } from '../api/problem';
import type { ResourceProblem } from '../api/types';
import type { Key } from '../i18n';
import { Alert } from '../pf';
import { useWords } from './words';

function useProblemWords() {
	const { t } = useWords();
	return (problem: Problem) => ({
		title: t(`problem.${problem.code}` as Key),
		field: problem.field && t('problem.field', { field: problem.field }),
		remedy: problem.retryAfter ? t('problem.retryAfter', { seconds: problem.retryAfter }) : t(`remedy.${problem.code}` as Key),
	});
}

/** What went wrong, the field it belongs to, and what to do. lead: what this means here. */
export function ProblemAlert({ error, lead }: { error: unknown; lead?: string }) {
	const say = useProblemWords();
	if (!error) return null;
	const problem = asProblem(error);
	const { title, field, remedy } = say(problem);
	return (
		<Alert variant="danger" isInline title={title} className="ingot-problem" role="alert">
			{lead && <p>{lead}</p>}
			<p lang="en">{problem.detail}</p>
			{field && <p>{field}</p>}
			<p>{remedy}</p>
		</Alert>
	);
}

/** The same within a list. */
export function ProblemLine({ problem }: { problem: Problem }) {
	const { title, field, remedy } = useProblemWords()(problem);
	return (
		<>
			<strong>{title}</strong> · <span lang="en">{problem.detail}</span> {field && <>· {field} </>}· {remedy}
		</>
	);
}

/** What failed: its remedies are other ones for each. A BMC's failures are its machine's, but not the machine's own. */
export type FailedKind = 'bmc' | 'image' | 'machine' | 'node' | 'vm' | 'volume';
export const failedKind = (resource: string | null | undefined): FailedKind | undefined =>
	(['image', 'machine', 'node', 'vm', 'volume'] as const).find((kind) => kind === resource);

function useFailureWords() {
	const { t, knows } = useWords();
	return (error: ResourceProblem, kind?: FailedKind) => {
		// A newer server may have codes that nobody here has words for.
		const code = knows(`failure.${error.code}`) ? error.code : 'internal';
		const special = `failureRemedy.${kind}.${code}`;
		return { title: t(`failure.${code}` as Key), remedy: t(knows(special) ? special : (`failureRemedy.${code}` as Key)) };
	};
}

/** Why a resource is as it is, as the server keeps it, and what to do. title: what this means here. */
export function ResourceError({ error, title, kind }: { error: ResourceProblem | null | undefined; title: string; kind?: FailedKind }) {
	const say = useFailureWords();
	if (!error) return null;
	const words = say(error, kind);
	return (
		<Alert variant="danger" isInline title={title} className="ingot-problem" data-code={error.code}>
			{words.title !== title && (
				<p>
					<strong>{words.title}</strong>
				</p>
			)}
			<p>{words.remedy}</p>
			<p lang="en">{error.text}</p>
		</Alert>
	);
}

/** The same within a list, without what to do. */
export function FailureLine({ error }: { error: ResourceProblem }) {
	const { title } = useFailureWords()(error);
	return (
		<span data-code={error.code}>
			{title} · <bdi lang="en">{error.text}</bdi>
		</span>
	);
}
