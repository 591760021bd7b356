// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isAttended, noteInput, watchInput } from './attended';
import { address, call, onPasswordOld, onSignedOut, setCsrfToken } from './client';
import { asProblem, Problem } from './problem';

const fetched = vi.fn<typeof fetch>();
beforeEach(() => {
	fetched.mockReset();
	vi.stubGlobal('fetch', fetched);
	setCsrfToken(null);
});
afterEach(() => {
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
	new Response(body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
const headersOf = (n = 0) => (fetched.mock.calls[n]?.[1]?.headers ?? {}) as Record<string, string>;
const fails = async (promise: Promise<unknown>): Promise<Problem> => {
	const error: unknown = await promise.then(() => null, (reason: unknown) => reason);
	if (!(error instanceof Problem)) throw new Error('it did not fail with a Problem');
	return error;
};

it('makes addresses', () => {
	expect(address('/v1/vms', { q: 'a&b=c', state: '', cursor: null, limit: 5 })).toBe('/v1/vms?q=a%26b%3Dc&limit=5');
	expect(address('/v1/vms')).toBe('/v1/vms');
});

it('sends the CSRF token with what changes something, and only then', async () => {
	setCsrfToken('secret');
	fetched.mockImplementation(() => Promise.resolve(answer(200, { id: 1 })));
	await call('GET', '/v1/vms');
	expect(headersOf(0)['X-CSRF-Token']).toBeUndefined();
	await call('POST', '/v1/vms', { body: { name: 'a' } });
	expect(headersOf(1)['X-CSRF-Token']).toBe('secret');
	expect(fetched.mock.calls[1]?.[1]?.body).toBe('{"name":"a"}');
	expect(fetched.mock.calls[1]?.[1]?.credentials).toBe('same-origin');
	fetched.mockResolvedValueOnce(answer(204, undefined));
	expect(await call('DELETE', '/v1/session')).toBeUndefined();
});

it('makes a problem of what the server refuses', async () => {
	fetched.mockResolvedValueOnce(answer(400, { code: 'invalid', title: 'The request is invalid', detail: 'cpus: at most 256', field: 'cpus' }));
	expect(await fails(call('POST', '/v1/vms', { body: {} }))).toMatchObject({ status: 400, code: 'invalid', field: 'cpus', detail: 'cpus: at most 256' });
	fetched.mockResolvedValueOnce(answer(429, { code: 'busy' }, { 'Retry-After': '7' }));
	expect((await fails(call('POST', '/v1/session'))).retryAfter).toBe(7);
	fetched.mockResolvedValueOnce(answer(502, '<html>a proxy</html>'));
	expect(await fails(call('GET', '/v1/vms'))).toMatchObject({ status: 502, code: 'internal', detail: 'HTTP 502' });
	fetched.mockResolvedValueOnce(answer(500, { detail: { evil: 1 } }));
	expect((await fails(call('GET', '/v1/vms'))).detail).toBe('HTTP 500');
	fetched.mockRejectedValueOnce(new TypeError('Failed to fetch'));
	expect(await fails(call('GET', '/v1/vms'))).toMatchObject({ status: 0, code: 'offline' });
	fetched.mockRejectedValueOnce(new TypeError('Failed to fetch'));
	expect(await fails(call('PATCH', '/v1/users/x', { body: {} }))).toMatchObject({ status: 0, code: 'unanswered' });
	expect(asProblem('words')).toMatchObject({ code: 'offline', detail: 'words' });
});

it('says when the session has ended, but not for a wrong password', async () => {
	const ended = vi.fn();
	onSignedOut(ended);
	fetched.mockImplementation(() => Promise.resolve(answer(401, { code: 'unauthenticated', detail: 'no' })));
	await fails(call('POST', '/v1/session', { body: {} }));
	expect(ended).not.toHaveBeenCalled();
	await fails(call('GET', '/v1/vms'));
	expect(ended).toHaveBeenCalledTimes(1);
});

it('says when nothing is allowed before the password is changed, and only then', async () => {
	const old = vi.fn();
	onPasswordOld(old);
	fetched.mockImplementation(() => Promise.resolve(answer(403, { code: 'forbidden', detail: 'no' })));
	await fails(call('GET', '/v1/vms'));
	expect(old).not.toHaveBeenCalled();
	fetched.mockImplementation(() => Promise.resolve(answer(403, { code: 'forbidden', detail: 'change it', field: 'password_change_required' })));
	await fails(call('GET', '/v1/vms'));
	expect(old).toHaveBeenCalledTimes(1);
});

it('says so when nobody is at the page, so that the session of who has gone ends', async () => {
	vi.useFakeTimers();
	const page = new EventTarget();
	watchInput(page);
	noteInput();
	fetched.mockImplementation(() => Promise.resolve(answer(200, {})));
	const unattended = async () => {
		await call('GET', '/v1/vms');
		return headersOf(fetched.mock.calls.length - 1)['X-Unattended'];
	};
	expect(await unattended()).toBeUndefined();
	vi.advanceTimersByTime(59999);
	expect(await unattended()).toBeUndefined();
	vi.advanceTimersByTime(1);
	expect(isAttended()).toBe(false);
	expect(await unattended()).toBe('1');
	for (const sign of ['pointerdown', 'keydown', 'wheel', 'touchstart', 'pointermove']) {
		vi.advanceTimersByTime(60000);
		expect(await unattended()).toBe('1');
		page.dispatchEvent(new Event(sign));
		expect(await unattended()).toBeUndefined();
	}
	vi.advanceTimersByTime(60000);
	await call('POST', '/v1/vms', { body: {} });
	expect(headersOf(fetched.mock.calls.length - 1)['X-Unattended']).toBeUndefined();
});
