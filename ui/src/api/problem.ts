// SPDX-License-Identifier: GPL-3.0-or-later
// Why a call failed: the server's problem document (RFC 9457), or that there was no server.
import type { components } from './openapi.gen';

export type Code = components['schemas']['problem_document']['code'] | 'offline' | 'unanswered';

export class Problem extends Error {
	constructor(
		readonly status: number,
		readonly code: Code,
		readonly detail: string,
		readonly field: string | null = null,
		readonly retryAfter: number | null = null,
	) {
		super(detail);
		this.name = 'Problem';
	}
}

const text = (value: unknown): string | null => (typeof value === 'string' && value ? value : null);

export async function problemOf(response: Response): Promise<Problem> {
	const wait = Number(response.headers.get('Retry-After'));
	const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null;
	let body: Record<string, unknown> = {};
	try {
		const json: unknown = await response.json();
		if (json && typeof json === 'object') body = json as Record<string, unknown>;
	} catch {
		// What is between us and the provisioner may answer in words of its own.
	}
	return new Problem(
		response.status,
		(text(body.code) ?? 'internal') as Code,
		text(body.detail) ?? text(body.title) ?? `HTTP ${response.status}`,
		text(body.field),
		retryAfter,
	);
}

export const asProblem = (error: unknown): Problem =>
	error instanceof Problem ? error : new Problem(0, 'offline', error instanceof Error ? error.message : String(error));
