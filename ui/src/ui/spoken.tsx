// SPDX-License-Identifier: GPL-3.0-or-later
// Part of src/pf.ts, through which everybody else has them: parts of PatternFly that say something of their own, in English, to those
// who hear a page. Here they say it in the language of the page.
import { Alert as PlainAlert } from '@patternfly/react-core/dist/esm/components/Alert';
import { Button as PlainButton } from '@patternfly/react-core/dist/esm/components/Button';
import { HelperTextItem as PlainHelperTextItem } from '@patternfly/react-core/dist/esm/components/HelperText';
import { Modal as PlainModal, ModalHeader as PlainModalHeader } from '@patternfly/react-core/dist/esm/components/Modal';
import { ModalBoxCloseButton } from '@patternfly/react-core/dist/esm/components/Modal/ModalBoxCloseButton';
import { Spinner as PlainSpinner } from '@patternfly/react-core/dist/esm/components/Spinner';
import { Tabs as PlainTabs, type TabsProps } from '@patternfly/react-core/dist/esm/components/Tabs';
import type { ComponentPropsWithoutRef } from 'react';
import { useTranslation } from 'react-i18next';

/** Says of what kind it is. */
export function Alert(props: ComponentPropsWithoutRef<typeof PlainAlert>) {
	const { t } = useTranslation();
	return <PlainAlert variantLabel={t(`alert.${props.variant ?? 'custom'}`)} {...props} />;
}

/** Says that it is busy. */
export function Button(props: ComponentPropsWithoutRef<typeof PlainButton>) {
	const { t } = useTranslation();
	return <PlainButton spinnerAriaLabel={t('common.loading')} spinnerAriaValueText={t('common.loading')} {...props} />;
}

export function Spinner(props: ComponentPropsWithoutRef<typeof PlainSpinner>) {
	const { t } = useTranslation();
	return <PlainSpinner aria-label={t('common.loading')} aria-valuetext={t('common.loading')} {...props} />;
}

/** Says that it is about an error. */
export function HelperTextItem(props: ComponentPropsWithoutRef<typeof PlainHelperTextItem>) {
	const { t } = useTranslation();
	return <PlainHelperTextItem screenReaderText={props.variant === 'error' ? t('alert.error') : ''} {...props} />;
}

/** The button in its corner takes no name from outside: it is another one with the same looks. */
export function Modal({ onClose, children, ...props }: ComponentPropsWithoutRef<typeof PlainModal>) {
	const { t } = useTranslation();
	return (
		<PlainModal onEscapePress={onClose} {...props}>
			{onClose && <ModalBoxCloseButton aria-label={t('common.close')} onClose={onClose} />}
			{children}
		</PlainModal>
	);
}

/** Says what its icon shows. */
export function ModalHeader(props: ComponentPropsWithoutRef<typeof PlainModalHeader>) {
	const { t } = useTranslation();
	return <PlainModalHeader titleScreenReaderText={props.titleIconVariant === 'warning' ? t('alert.warning') : undefined} {...props} />;
}

/** The buttons that are there if not all tabs fit. */
export function Tabs(props: Omit<TabsProps, 'ref'>) {
	const { t } = useTranslation();
	const [back, on] = [t('tab.back'), t('tab.on')];
	return <PlainTabs leftScrollAriaLabel={back} backScrollAriaLabel={back} rightScrollAriaLabel={on} forwardScrollAriaLabel={on} {...props} />;
}
