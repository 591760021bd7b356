// SPDX-License-Identifier: GPL-3.0-or-later
import { Spinner } from '../pf';
import { useWords } from './words';

export function Bullseye() {
	const { t } = useWords();
	return (
		<div className="ingot-bullseye">
			<Spinner aria-label={t('common.loading')} />
		</div>
	);
}
