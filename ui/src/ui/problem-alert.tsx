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

/** Why a resource is as it is, as the server keeps it: what kind of error that is and what to do in the person's language, and the
 *  server's own words. */
export function ResourceError({ error, title }: { error: ResourceProblem | null | undefined; title: string }) {
	const { t, knows } = useWords();
	if (!error) return null;
	const kind = `problem.${error.code}`;
	const remedy = `remedy.${error.code}`;
	return (
		<Alert variant="danger" isInline title={title} className="ingot-problem">
			{knows(kind) && <p>{t(kind)}</p>}
			<p lang="en">{error.text}</p>
			{knows(remedy) && <p>{t(remedy)}</p>}
		</Alert>
	);
}
