// SPDX-License-Identifier: GPL-3.0-or-later
import '@patternfly/react-core/dist/styles/base.css';
import './app.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router-dom';
import { watchInput } from './api/attended';
import { queryClient } from './api/queries';
import { App } from './app';
import { startI18n } from './i18n';
import { ErrorBoundary } from './ui/error-boundary';
import { SessionProvider } from './ui/session';
import { startTheme } from './ui/theme';

startTheme();
watchInput(window);
await startI18n();
const root = document.getElementById('root');
if (!root) throw new Error('the page has no root');
createRoot(root).render(
	<StrictMode>
		<ErrorBoundary>
			<QueryClientProvider client={queryClient}>
				<SessionProvider>
					<BrowserRouter future={{ v7_startTransition: true, v7_relativeSplatPath: true }}>
						<App />
					</BrowserRouter>
				</SessionProvider>
			</QueryClientProvider>
		</ErrorBoundary>
	</StrictMode>,
);
