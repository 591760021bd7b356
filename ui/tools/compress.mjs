// SPDX-License-Identifier: GPL-3.0-or-later
// Lays a .gz and a .br beside each file of a folder that is smaller that way.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const walk = (folder) =>
	readdirSync(folder).flatMap((name) => {
		const path = join(folder, name);
		return statSync(path).isDirectory() ? walk(path) : [path];
	});
for (const path of walk(process.argv[2]).filter((path) => /\.(js|css|html|svg|json|txt)$/.test(path))) {
	const content = readFileSync(path);
	const packed = {
		gz: gzipSync(content, { level: 9 }),
		br: brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
	};
	for (const [suffix, data] of Object.entries(packed)) if (data.length < content.length) writeFileSync(`${path}.${suffix}`, data);
}
