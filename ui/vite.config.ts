// SPDX-License-Identifier: GPL-3.0-or-later
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
	plugins: [react()],
	build: {
		outDir: fileURLToPath(new URL(process.env.UI_OUT ?? '../build/ui', import.meta.url)),
		emptyOutDir: true,
		target: 'es2022',
		// Nothing is inlined: the policy of the pages allows "data:" for images only.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		manifest: true,
		chunkSizeWarningLimit: 1000,
	},
	// The development server speaks to a provisioner: UI_API=https://127.0.0.1:PORT npm run dev
	server: { proxy: process.env.UI_API ? { '/v1': { target: process.env.UI_API, secure: false, ws: true } } : {} },
	test: {
		environment: 'jsdom',
		include: ['src/**/*.test.{ts,tsx}'],
		server: { deps: { inline: [/@patternfly/] } },
		testTimeout: 20000,
	},
});
