// SPDX-License-Identifier: GPL-3.0-or-later
// What every screen is made of.
import { useEffect, type ReactNode } from 'react';
import { Link } from 'react-router-dom';
import {
	Breadcrumb,
	BreadcrumbItem,
	Card,
	CardBody,
	CardTitle,
	DescriptionList,
	DescriptionListDescription,
	DescriptionListGroup,
	DescriptionListTerm,
	EmptyState,
	EmptyStateActions,
	EmptyStateBody,
	EmptyStateFooter,
	PageSection,
	Progress,
	Title,
} from '../pf';
import { useWords } from './words';

export function Screen(props: { title: string; back?: { to: string; label: string }; actions?: ReactNode; state?: ReactNode; children: ReactNode }) {
	const { t } = useWords();
	useEffect(() => {
		document.title = `${props.title} · Ingot`;
	}, [props.title]);
	return (
		<PageSection className="ingot-screen" hasBodyWrapper={false}>
			{props.back && (
				<Breadcrumb aria-label={t('nav.path')}>
					<BreadcrumbItem render={() => <Link to={props.back?.to ?? '/'}>{props.back?.label}</Link>} />
					<BreadcrumbItem isActive>{props.title}</BreadcrumbItem>
				</Breadcrumb>
			)}
			<div className="ingot-head">
				<Title headingLevel="h1" size="2xl" className="ingot-title">
					{props.title}
				</Title>
				{props.state}
				{props.actions && <div className="ingot-actions">{props.actions}</div>}
			</div>
			{props.children}
		</PageSection>
	);
}

export type Fact = [label: string, value: ReactNode];
export function Facts({ facts, wide }: { facts: Fact[]; wide?: boolean }) {
	return (
		<DescriptionList isHorizontal={!wide} isCompact columnModifier={wide ? { default: '1Col', lg: '2Col', '2xl': '3Col' } : undefined}>
			{facts.map(([label, value]) => (
				<DescriptionListGroup key={label}>
					<DescriptionListTerm>{label}</DescriptionListTerm>
					<DescriptionListDescription>{value === null || value === undefined || value === '' ? '–' : value}</DescriptionListDescription>
				</DescriptionListGroup>
			))}
		</DescriptionList>
	);
}

export function Panel({ title, children, className }: { title: ReactNode; children: ReactNode; className?: string }) {
	return (
		<Card isCompact className={className}>
			<CardTitle component="h2">{title}</CardTitle>
			<CardBody>{children}</CardBody>
		</Card>
	);
}

export function Teach({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
	return (
		<EmptyState titleText={title} headingLevel="h2">
			<EmptyStateBody>{children}</EmptyStateBody>
			{action && (
				<EmptyStateFooter>
					<EmptyStateActions>{action}</EmptyStateActions>
				</EmptyStateFooter>
			)}
		</EmptyState>
	);
}

export function Bar({ value, label, text, danger }: { value: number; label: string; text?: string; danger?: boolean }) {
	return (
		<Progress
			value={Math.max(0, Math.min(100, value))}
			aria-label={label}
			size="sm"
			measureLocation={text ? 'top' : 'outside'}
			title={text}
			variant={danger ? 'danger' : undefined}
			label={`${Math.round(value)} %`}
		/>
	);
}

export function To({ to, children }: { to: string; children: ReactNode }) {
	return <Link to={to}>{children}</Link>;
}

export function ButtonLink({ to, children, primary }: { to: string; children: ReactNode; primary?: boolean }) {
	return (
		<Link to={to} className={`pf-v6-c-button ${primary ? 'pf-m-primary' : 'pf-m-secondary'}`}>
			<span className="pf-v6-c-button__text">{children}</span>
		</Link>
	);
}

/** Text of a machine or a guest: direction marks in it must not turn the text around it. */
export function Foreign({ text }: { text: string | null | undefined }) {
	const { t } = useWords();
	return text ? <bdi className="ingot-foreign">{text}</bdi> : <span aria-label={t('common.none')}>–</span>;
}

/** What a task does: most of it has a name of its own, the rest is in the server's words. */
export function Doing({ message }: { message: string | null | undefined }) {
	const { step, knows } = useWords();
	return !message || knows(`step.${message}`) ? <>{step(message)}</> : <Quote text={message} />;
}

/** What the server says in words that it has in English only. */
export function Quote({ text }: { text: string }) {
	return <bdi lang="en">{text}</bdi>;
}

/** As much of it as there is room for; all of it is what is copied, and what pointing at it shows. */
export function Hash({ text }: { text: string | null | undefined }) {
	return text ? <code className="ingot-hash" title={text}>{text}</code> : <>–</>;
}
