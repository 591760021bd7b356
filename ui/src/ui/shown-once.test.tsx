// SPDX-License-Identifier: GPL-3.0-or-later
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { startI18n } from '../i18n';
import { ShownOnce } from './shown-once';

beforeAll(startI18n);
afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const show = (clipboard: { writeText: (text: string) => Promise<void> } | undefined) => {
	vi.stubGlobal('navigator', Object.assign(Object.create(navigator), { clipboard }));
	render(<ShownOnce title="A token" label="Token" secret="s3cret" onClose={() => undefined} />);
	fireEvent.click(screen.getByRole('button', { name: 'Copy' }));
};

it('says that it was copied once it was', async () => {
	const writeText = vi.fn(() => Promise.resolve());
	show({ writeText });
	await screen.findByRole('button', { name: 'Copied' });
	expect(writeText).toHaveBeenCalledWith('s3cret');
});

it.each([['refuses', { writeText: () => Promise.reject(new Error('no')) }], ['has no clipboard', undefined]])('says so where the browser %s', async (_name, clipboard) => {
	show(clipboard);
	await screen.findByText(/copy it by hand/);
	expect(screen.getByRole('button', { name: 'Copy' })).toBeTruthy();
});
