// SPDX-License-Identifier: GPL-3.0-or-later
import { lazy, Suspense } from 'react';
import { Route, Routes } from 'react-router-dom';
import { Bullseye } from './ui/bullseye';
import { Shell } from './ui/shell';
import { useSession } from './ui/session';
import { NewPassword, SignIn, SignInOver } from './screens/sign-in';

const About = lazy(() => import('./screens/about'));
const AuditScreen = lazy(() => import('./screens/audit'));
const BmcRanges = lazy(() => import('./screens/bmc-ranges'));
const ConsoleWindow = lazy(() => import('./screens/console-window'));
const Disks = lazy(() => import('./screens/disks'));
const Events = lazy(() => import('./screens/events'));
const Guide = lazy(() => import('./screens/guide'));
const ImageScreen = lazy(() => import('./screens/image'));
const Images = lazy(() => import('./screens/images'));
const MachineScreen = lazy(() => import('./screens/machine'));
const JoinTokens = lazy(() => import('./screens/join-tokens'));
const Machines = lazy(() => import('./screens/machines'));
const NetworkScreen = lazy(() => import('./screens/network'));
const Networks = lazy(() => import('./screens/networks'));
const NodeScreen = lazy(() => import('./screens/node'));
const Nodes = lazy(() => import('./screens/nodes'));
const NotFound = lazy(() => import('./screens/not-found'));
const Overview = lazy(() => import('./screens/overview'));
const PoolScreen = lazy(() => import('./screens/pool'));
const Pools = lazy(() => import('./screens/pools'));
const Settings = lazy(() => import('./screens/settings'));
const Tasks = lazy(() => import('./screens/tasks'));
const Tokens = lazy(() => import('./screens/tokens'));
const Users = lazy(() => import('./screens/users'));
const VmNew = lazy(() => import('./screens/vm-new'));
const VmScreen = lazy(() => import('./screens/vm'));
const Vms = lazy(() => import('./screens/vms'));
const VolumeScreen = lazy(() => import('./screens/volume'));
const Volumes = lazy(() => import('./screens/volumes'));

export function App() {
	const { session, loading, ended } = useSession();
	if (loading) return <Bullseye />;
	if (!session || (ended && session.user.password_change_required)) return <SignIn />;
	if (session.user.password_change_required) return <NewPassword forced />;
	return (
		<Suspense key={session.user.id} fallback={<Bullseye />}>
			<Routes>
				<Route path="/console/:collection/:id/:kind" element={<ConsoleWindow />} />
				<Route element={<Shell />}>
					<Route index element={<Overview />} />
					<Route path="guide" element={<Guide />} />
					<Route path="machines" element={<Machines />} />
					<Route path="machines/:id" element={<MachineScreen />} />
					<Route path="nodes" element={<Nodes />} />
					<Route path="nodes/:id" element={<NodeScreen />} />
					<Route path="disks" element={<Disks />} />
					<Route path="pools" element={<Pools />} />
					<Route path="pools/:id" element={<PoolScreen />} />
					<Route path="volumes" element={<Volumes />} />
					<Route path="volumes/:id" element={<VolumeScreen />} />
					<Route path="images" element={<Images />} />
					<Route path="images/:id" element={<ImageScreen />} />
					<Route path="networks" element={<Networks />} />
					<Route path="networks/:id" element={<NetworkScreen />} />
					<Route path="vms" element={<Vms />} />
					<Route path="vms/new" element={<VmNew />} />
					<Route path="vms/:id" element={<VmScreen />} />
					<Route path="tasks" element={<Tasks />} />
					<Route path="events" element={<Events />} />
					<Route path="audit" element={<AuditScreen />} />
					<Route path="users" element={<Users />} />
					<Route path="tokens" element={<Tokens />} />
					<Route path="join-tokens" element={<JoinTokens />} />
					<Route path="bmc-ranges" element={<BmcRanges />} />
					<Route path="settings" element={<Settings />} />
					<Route path="about" element={<About />} />
					<Route path="*" element={<NotFound />} />
				</Route>
			</Routes>
			{ended && <SignInOver />}
		</Suspense>
	);
}
