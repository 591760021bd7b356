// SPDX-License-Identifier: GPL-3.0-or-later
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Says beside the manifest which packages each file is made of (.vite/packages.json): for the budget of the first load. */
const packagesOfFiles: Plugin = {
	name: 'packages-of-files',
	generateBundle(_options, bundle) {
		const packages: Record<string, string[]> = {};
		for (const chunk of Object.values(bundle)) {
			if (chunk.type !== 'chunk') continue;
			const names = chunk.moduleIds.map((id) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1]).filter((name) => name !== undefined);
			packages[chunk.fileName] = [...new Set(names)].sort();
		}
		this.emitFile({ type: 'asset', fileName: '.vite/packages.json', source: JSON.stringify(packages, null, '\t') });
	},
};

export default defineConfig({
	plugins: [react(), packagesOfFiles],
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
