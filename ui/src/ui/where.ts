// SPDX-License-Identifier: GPL-3.0-or-later
import { collectionOf } from '../api/types';

/** Where a resource is shown; null for what has no screen of its own. */
export function resourceAddress(kind: string | null | undefined, id: string | null | undefined): string | null {
	if (!kind || !id) return null;
	const collection = collectionOf[kind];
	if (collection === 'bmc-ranges') return '/bmc-ranges';
	return collection && collection !== 'tasks' ? `/${collection}/${encodeURIComponent(id)}` : null;
}
