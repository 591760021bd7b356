// SPDX-License-Identifier: GPL-3.0-or-later
// Part of src/pf.ts, through which everybody else has it.
import { Alert as PlainAlert } from '@patternfly/react-core/dist/esm/components/Alert';
import type { ComponentProps } from 'react';
import { useTranslation } from 'react-i18next';

/** PatternFly's, which says to those who hear it of what kind it is: in the language of the page. */
export function Alert(props: ComponentProps<typeof PlainAlert>) {
	const { t } = useTranslation();
	return <PlainAlert variantLabel={t(`alert.${props.variant ?? 'custom'}`)} {...props} />;
}
