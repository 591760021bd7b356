// SPDX-License-Identifier: GPL-3.0-or-later
import { asProblem } from '../api/problem';
import type { ResourceProblem } from '../api/types';
import type { Key } from '../i18n';
import { Alert } from '../pf';
import { useWords } from './words';

/** What went wrong, the field it belongs to, and what to do. */
export function ProblemAlert({ error }: { error: unknown }) {
	const { t } = useWords();
	if (!error) return null;
	const problem = asProblem(error);
	const title = t(`problem.${problem.code}` as Key);
	const remedy = t(`remedy.${problem.code}` as Key);
	return (
		<Alert variant="danger" isInline title={title} className="ingot-problem" role="alert">
			<p lang="en">{problem.detail}</p>
			{problem.field && <p>{t('problem.field', { field: problem.field })}</p>}
			{problem.retryAfter ? <p>{t('problem.retryAfter', { seconds: problem.retryAfter })}</p> : <p>{remedy}</p>}
		</Alert>
	);
}

/** Why a resource is as it is, as the server keeps it. */
export function ResourceError({ error, title }: { error: ResourceProblem | null | undefined; title: string }) {
	if (!error) return null;
	return (
		<Alert variant="danger" isInline title={title} className="ingot-problem">
			<p lang="en">{error.text}</p>
		</Alert>
	);
}
