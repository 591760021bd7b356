// SPDX-License-Identifier: GPL-3.0-or-later
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startI18n } from '../i18n';
import { ErrorBoundary } from './error-boundary';

beforeAll(startI18n);
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterEach(() => {
	cleanup();
	vi.restoreAllMocks();
});

const Broken = (): never => {
	throw new Error('<b>no such thing</b>');
};

it('ends the screen that failed and says so; whoever goes elsewhere sees what is there', () => {
	const { rerender } = render(
		<ErrorBoundary at="/nodes">
			<Broken />
		</ErrorBoundary>,
	);
	expect(screen.getByRole('alert').textContent).toContain('This screen has failed');
	expect(screen.getByText('<b>no such thing</b>')).toBeTruthy();
	expect(screen.getByRole('button', { name: 'Load the page again' })).toBeTruthy();
	const elsewhere = (at: string) =>
		rerender(
			<ErrorBoundary at={at}>
				<p>{'all is well'}</p>
			</ErrorBoundary>,
		);
	elsewhere('/nodes');
	expect(screen.queryByText('all is well')).toBeNull();
	elsewhere('/vms');
	expect(screen.getByText('all is well')).toBeTruthy();
});
