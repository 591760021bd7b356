// SPDX-License-Identifier: GPL-3.0-or-later
// One way to the REST API: the session's cookie goes by itself, what changes something carries the session's CSRF token.
import { isAttended } from './attended';
import { Problem, problemOf } from './problem';

export type Query = Record<string, string | number | undefined | null>;
export interface CallOptions {
	body?: unknown;
	query?: Query;
	headers?: Record<string, string>;
	signal?: AbortSignal;
}

const PAUSES_MS = [300, 1500];

let csrfToken: string | null = null;
let csrfUser: string | null = null;
let whenSignedOut: () => void = () => undefined;
let whenPasswordIsOld: () => void = () => undefined;
let whenTokenIsOld: () => Promise<boolean> = () => Promise.resolve(false);

/** The session's token, and the id of its user. */
export const setCsrfToken = (token: string | null, user: string | null = null) => {
	csrfToken = token;
	csrfUser = user;
};
/** Called when the server no longer knows the session. */
export const onSignedOut = (fn: () => void) => {
	whenSignedOut = fn;
};

/** Called when the server lets the session do nothing more before the password is changed. */
export const onPasswordOld = (fn: () => void) => {
	whenPasswordIsOld = fn;
};

/** Called when the session is not the one of which the CSRF token is: another window has signed in. Tells whether the token of the one
 *  that there is now is known then. */
export const onTokenOld = (fn: () => Promise<boolean>) => {
	whenTokenIsOld = fn;
};

/** In whose name a call is made that begins now; for isRenewed(). */
export const caller = (): string | null => csrfUser;

/** Whether what was refused so may be sent once more: the token was of an older session, and there is a newer one of the same user now.
 *  by: who made the call, when it was made; by now another one may have signed in. */
export const isRenewed = async (problem: Problem, by: string | null): Promise<boolean> =>
	problem.status === 403 && problem.field === 'X-CSRF-Token' && (await whenTokenIsOld()) && csrfUser === by;

export function address(path: string, query: Query = {}): string {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
	const text = search.toString();
	return text ? `${path}?${text}` : path;
}

export function unsafeHeaders(): Record<string, string> {
	return csrfToken ? { 'X-CSRF-Token': csrfToken } : {};
}

/** Something that happens once however often it is sent: what has a key is sent again with it after a lost answer. */
export function newKey(): string {
	return crypto.randomUUID();
}

/** A cable pulled for a moment, another network: no answer came. It is sent again after each of the pauses, if there are any. */
async function answered(url: string, init: RequestInit, pauses: number[]): Promise<Response> {
	try {
		return await fetch(url, init);
	} catch (error) {
		if (error instanceof DOMException && error.name === 'AbortError') throw error;
		const [pause, ...later] = pauses;
		if (pause === undefined) throw new Problem(0, init.method === 'GET' ? 'offline' : 'unanswered', error instanceof Error ? error.message : String(error));
		await new Promise((resolve) => setTimeout(resolve, pause));
		return answered(url, init, later);
	}
}

export async function send(method: string, path: string, options: CallOptions = {}, again = false): Promise<Response> {
	const by = caller();
	const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
	if (method !== 'GET') Object.assign(headers, unsafeHeaders());
	else if (!isAttended()) headers['X-Unattended'] = '1';
	if (options.body !== undefined) headers['Content-Type'] = 'application/json';
	const response = await answered(address(path, options.query), {
		method,
		headers,
		body: options.body === undefined ? undefined : JSON.stringify(options.body),
		signal: options.signal,
		credentials: 'same-origin',
		cache: 'no-store',
	}, headers['Idempotency-Key'] ? PAUSES_MS : []);
	if (response.ok) return response;
	const problem = await problemOf(response);
	if (!again && (await isRenewed(problem, by))) return send(method, path, options, true);
	if (problem.status === 401 && path !== '/v1/session') whenSignedOut();
	if (problem.status === 403 && problem.field === 'password_change_required') whenPasswordIsOld();
	throw problem;
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
	const response = await send(method, path, options);
	return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>('GET', path, { query, signal });
