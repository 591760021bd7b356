// SPDX-License-Identifier: GPL-3.0-or-later
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import type { Session } from '../api/types';
import { Alert, FormGroup, FormSelect, FormSelectOption } from '../pf';
import { ButtonLink, Facts, Panel, Screen } from '../ui/parts';
import { useSession } from '../ui/session';
import { setTheme, useTheme, type Theme } from '../ui/theme';
import { Time, useWords } from '../ui/words';
import { LanguageChoice, PasswordForm } from './sign-in';

const THEMES: Theme[] = ['system', 'light', 'dark'];

export default function Settings() {
	const { t, word } = useWords();
	const { session, renew } = useSession();
	const theme = useTheme();
	// Each call puts the end off.
	const now = useQuery({ queryKey: ['session'], queryFn: ({ signal }) => get<Session>('/v1/session', undefined, signal) });
	const [changed, setChanged] = useState(false);
	return (
		<Screen title={t('nav.settings')}>
			<div className="ingot-grid">
				<Panel title={t('settings.look')}>
					<FormGroup label={t('settings.theme')} fieldId="theme">
						<FormSelect id="theme" value={theme} onChange={(_event, value) => setTheme(value as Theme)}>
							{THEMES.map((each) => (
								<FormSelectOption key={each} value={each} label={t(`theme.${each}`)} />
							))}
						</FormSelect>
					</FormGroup>
					<FormGroup label={t('settings.language')}>
						<LanguageChoice />
					</FormGroup>
				</Panel>
				<Panel title={t('settings.you')}>
					<Facts
						facts={[
							[t('field.name'), session?.user.name],
							[t('field.role'), word(session?.user.role)],
							[t('settings.sessionEnds'), <Time key="e" at={(now.data ?? session)?.expires_at} />],
						]}
					/>
				</Panel>
				<Panel title={t('settings.bmcs')}>
					<p>{t('bmcRange.explain')}</p>
					<ButtonLink to="/bmc-ranges">{t('nav.bmcRanges')}</ButtonLink>
				</Panel>
				<Panel title={t('password.title')}>
					{changed && <Alert variant="success" isInline title={t('password.changed')} />}
					<PasswordForm
						onDone={(next) => {
							renew(next);
							setChanged(true);
						}}
					/>
				</Panel>
			</div>
		</Screen>
	);
}
