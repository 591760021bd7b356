// SPDX-License-Identifier: GPL-3.0-or-later
import type { ReactNode } from 'react';
import type { Role } from '../api/types';
import { Screen, Teach } from './parts';
import { useMay } from './session';
import { useWords } from './words';

/** A page for those who have the role; the others, who came by its address, are told which one it takes. */
export function ForRole({ role, title, children }: { role: Role; title: string; children: ReactNode }) {
	const { t, word } = useWords();
	if (useMay(role)) return <>{children}</>;
	return (
		<Screen title={title}>
			<Teach title={t('role.needed', { role: word(role) })}>{t('remedy.forbidden')}</Teach>
		</Screen>
	);
}
