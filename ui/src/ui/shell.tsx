// SPDX-License-Identifier: GPL-3.0-or-later
// The frame: navigation, who is signed in, whether the news stream stands, the drawer of tasks.
import { Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { NavLink, Outlet, useLocation } from 'react-router-dom';
import { live } from '../api/live';
import { useRunning } from '../api/queries';
import type { Role } from '../api/types';
import type { Key } from '../i18n';
import {
	Alert,
	Button,
	Drawer,
	DrawerContent,
	DrawerContentBody,
	Masthead,
	MastheadBrand,
	MastheadContent,
	MastheadMain,
	MastheadToggle,
	Nav,
	NavGroup,
	NavItem,
	Page,
	PageSidebar,
	PageSidebarBody,
	PageToggleButton,
	SkipToContent,
} from '../pf';
import { Bullseye } from './bullseye';
import { ErrorBoundary } from './error-boundary';
import { ProblemAlert } from './problem-alert';
import { useMay, useSession } from './session';
import { TaskDrawer } from './task-drawer';
import { useWords } from './words';

interface Place {
	to: string;
	label: Key;
	role?: Role;
}
const PLACES: { label: Key; places: Place[] }[] = [
	{
		label: 'nav.cluster',
		places: [
			{ to: '/', label: 'nav.overview' },
			{ to: '/guide', label: 'nav.guide' },
		],
	},
	{
		label: 'nav.hardware',
		places: [
			{ to: '/machines', label: 'nav.machines' },
			{ to: '/nodes', label: 'nav.nodes' },
			{ to: '/disks', label: 'nav.disks' },
		],
	},
	{
		label: 'nav.storage',
		places: [
			{ to: '/pools', label: 'nav.pools' },
			{ to: '/volumes', label: 'nav.volumes' },
			{ to: '/images', label: 'nav.images' },
		],
	},
	{
		label: 'nav.compute',
		places: [
			{ to: '/vms', label: 'nav.vms' },
			{ to: '/networks', label: 'nav.networks' },
		],
	},
	{
		label: 'nav.activity',
		places: [
			{ to: '/tasks', label: 'nav.tasks' },
			{ to: '/events', label: 'nav.events' },
			{ to: '/audit', label: 'nav.audit', role: 'admin' },
		],
	},
	{
		label: 'nav.administration',
		places: [
			{ to: '/users', label: 'nav.users', role: 'admin' },
			{ to: '/tokens', label: 'nav.tokens', role: 'operator' },
			{ to: '/join-tokens', label: 'nav.joinTokens', role: 'admin' },
			{ to: '/bmc-ranges', label: 'nav.bmcRanges' },
			{ to: '/settings', label: 'nav.settings' },
			{ to: '/about', label: 'nav.about' },
		],
	},
];

export const useLiveState = () => useSyncExternalStore(live.watch, live.state);

function NotConnected() {
	const { t, time } = useWords();
	const state = useLiveState();
	return (
		<div aria-live="assertive">
			{state === 'broken' && (
				<Alert variant="warning" isInline isExpandable={false} title={t('live.broken')} className="ingot-not-connected">
					{t('live.brokenSince', { time: time(new Date(live.stateSince()).toISOString()) })}
				</Alert>
			)}
		</div>
	);
}

function Navigation({ onGo }: { onGo: () => void }) {
	const { t } = useWords();
	const location = useLocation();
	const may: Record<Role, boolean> = { viewer: useMay('viewer'), operator: useMay('operator'), admin: useMay('admin') };
	return (
		<Nav aria-label={t('nav.label')}>
			{PLACES.map((group) => {
				const places = group.places.filter((place) => may[place.role ?? 'viewer']);
				return places.length === 0 ? null : (
					<NavGroup key={group.label} title={t(group.label)}>
						{places.map((place) => {
							const active = place.to === '/' ? location.pathname === '/' : location.pathname.startsWith(place.to);
							return (
								<NavItem key={place.to} isActive={active}>
									<NavLink to={place.to} end={place.to === '/'} onClick={onGo}>
										{t(place.label)}
									</NavLink>
								</NavItem>
							);
						})}
					</NavGroup>
				);
			})}
		</Nav>
	);
}

const NARROW = '(max-width: 1199px)';

export function Shell() {
	const { t } = useWords();
	const { session, signOut } = useSession();
	const [staying, setStaying] = useState<unknown>(null);
	const leave = () => {
		setStaying(null);
		signOut().catch(setStaying);
	};
	const [sidebar, setSidebar] = useState(() => !matchMedia(NARROW).matches);
	const [drawer, setDrawer] = useState(false);
	const running = useRunning();
	const location = useLocation();
	const main = useRef<string>(location.pathname);
	useEffect(() => {
		// A screen reader hears where it came to; the keyboard goes on from there.
		if (main.current !== location.pathname) document.getElementById('main')?.focus();
		main.current = location.pathname;
	}, [location.pathname]);
	const count = running.data?.total ?? 0;
	const masthead = (
		<Masthead>
			<MastheadMain>
				<MastheadToggle>
					<PageToggleButton
						isHamburgerButton
						aria-label={t('nav.toggle')}
						isSidebarOpen={sidebar}
						onSidebarToggle={() => setSidebar((open) => !open)}
					/>
				</MastheadToggle>
				<MastheadBrand>
					<NavLink to="/" className="ingot-brand">
						<img src="/icon.svg" alt="" width="28" height="28" /> {t('product')}
					</NavLink>
				</MastheadBrand>
			</MastheadMain>
			<MastheadContent>
				<div className="ingot-masthead">
					<LiveDot />
					<Button variant="secondary" aria-expanded={drawer} onClick={() => setDrawer((open) => !open)}>
						{t('tasks.running', { count })}
					</Button>
					<NavLink to="/settings" className="ingot-user">
						<bdi>{session?.user.name}</bdi>
					</NavLink>
					<Button variant="link" onClick={leave}>
						{t('session.signOut')}
					</Button>
				</div>
			</MastheadContent>
		</Masthead>
	);
	const panel = (
		<PageSidebar isSidebarOpen={sidebar}>
			<PageSidebarBody>
				<Navigation onGo={() => matchMedia(NARROW).matches && setSidebar(false)} />
			</PageSidebarBody>
		</PageSidebar>
	);
	return (
		<Page
			masthead={masthead}
			sidebar={panel}
			skipToContent={<SkipToContent href="#main">{t('nav.skip')}</SkipToContent>}
			mainContainerId="main"
			mainTabIndex={-1}
			isContentFilled
		>
			<NotConnected />
			<ProblemAlert error={staying} lead={t('session.staying')} />
			<Drawer isExpanded={drawer} isInline position="end">
				<DrawerContent panelContent={drawer ? <TaskDrawer tasks={running.data?.items ?? []} total={count} onClose={() => setDrawer(false)} /> : null}>
					<DrawerContentBody>
						<ErrorBoundary at={location.pathname}>
							<Suspense fallback={<Bullseye />}>
								<Outlet />
							</Suspense>
						</ErrorBoundary>
					</DrawerContentBody>
				</DrawerContent>
			</Drawer>
		</Page>
	);
}

function LiveDot() {
	const { t } = useWords();
	const state = useLiveState();
	return (
		<span className={`ingot-live ingot-live-${state}`} data-live={state}>
			{t(`live.${state}`)}
		</span>
	);
}
