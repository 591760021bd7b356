// SPDX-License-Identifier: GPL-3.0-or-later
import { ButtonLink, Screen, Teach } from '../ui/parts';
import { useWords } from '../ui/words';

export default function NotFound() {
	const { t } = useWords();
	return (
		<Screen title={t('notFound.title')}>
			<Teach title={t('notFound.title')} action={<ButtonLink to="/">{t('nav.overview')}</ButtonLink>}>
				{t('notFound.body')}
			</Teach>
		</Screen>
	);
}
