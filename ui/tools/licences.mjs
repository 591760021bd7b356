// SPDX-License-Identifier: GPL-3.0-or-later
// Which packages the dashboard is made of, with versions and licences, for its page "About".
//     node tools/licences.mjs OUT.json
import { writeFileSync } from 'node:fs';
import { packages, version } from './packages.mjs';

const listed = packages().map(({ name, version, licence }) => ({ name, version, licence }));
writeFileSync(process.argv[2], JSON.stringify({ version, packages: listed }, null, '\t') + '\n');
