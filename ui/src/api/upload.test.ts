// SPDX-License-Identifier: GPL-3.0-or-later
// The upload against a server as the API describes it, which breaks off where it hurts.
import { expect, it } from 'vitest';
import { Problem } from './problem';
import { PART_BYTES, upload, type Source } from './upload';

const SIZE = 2.5 * PART_BYTES;
const source: Source = { size: SIZE, slice: (from, to) => ({ size: to - from, from }) as unknown as Blob };

type Fault = 'lost-request' | 'lost-answer' | 'busy' | 'half' | 'refused' | null;
function server(faults: Fault[]) {
	const state = { offset: 0, parts: [] as number[], asked: 0 };
	const problem = (status: number, code: string, headers = {}) => new Response(JSON.stringify({ code, detail: code }), { status, headers });
	const fetch = (async (_path: string, init?: RequestInit) => {
		if (init?.method !== 'PATCH') {
			state.asked++;
			return new Response(JSON.stringify({ offset_bytes: state.offset, size_bytes: SIZE }));
		}
		const at = Number((init.headers as Record<string, string>)['Upload-Offset']);
		const body = init.body as unknown as { size: number; from: number };
		const fault = faults.shift() ?? null;
		if (fault === 'lost-request') throw new TypeError('Failed to fetch');
		if (fault === 'busy') return problem(503, 'busy', { 'Retry-After': '1' });
		if (fault === 'refused') return problem(403, 'forbidden');
		if (at !== state.offset) return problem(409, 'state');
		expect(body.from).toBe(at);
		if (fault === 'half') {
			state.offset += 1000;
			throw new TypeError('connection reset');
		}
		state.parts.push(at);
		state.offset += body.size;
		if (fault === 'lost-answer') throw new TypeError('connection reset');
		return new Response(null, { status: state.offset === SIZE ? 202 : 204, headers: { 'Upload-Offset': String(state.offset) } });
	}) as typeof globalThis.fetch;
	return { state, fetch };
}
const run = (faults: Fault[], signal = new AbortController().signal) => {
	const { state, fetch } = server(faults);
	const seen: number[] = [];
	const waits: number[] = [];
	const done = upload('/content', source, { signal, fetch, progress: (sent) => seen.push(sent), wait: (ms) => Promise.resolve(void waits.push(ms)) });
	return { state, seen, waits, done };
};

it('sends all parts, each once', async () => {
	const { state, done, seen, waits } = run([]);
	await done;
	expect(state.offset).toBe(SIZE);
	expect(state.parts).toEqual([0, PART_BYTES, 2 * PART_BYTES]);
	expect(seen.at(-1)).toBe(SIZE);
	expect(waits).toEqual([]);
});

it.each<[string, Fault[]]>([
	['a lost request', ['lost-request']],
	['a lost answer', [null, 'lost-answer']],
	['half a part', [null, 'half']],
	['a busy server', ['busy', 'busy']],
	['the last answer lost', [null, null, 'lost-answer']],
	['many faults', ['lost-request', 'half', 'lost-answer', 'busy', 'half', null, 'half']],
])('goes on after %s', async (_name, faults) => {
	const { state, done, waits } = run(faults);
	await done;
	expect(state.offset).toBe(SIZE);
	expect(waits.length).toBeGreaterThan(0);
});

it('says that this is all when every part had arrived before', async () => {
	const { state, done } = run([null, null, 'lost-answer']);
	await done;
	expect(state.parts).toEqual([0, PART_BYTES, 2 * PART_BYTES, SIZE]);
});

it('waits as long as the server says', async () => {
	const { done, waits } = run(['busy']);
	await done;
	expect(waits).toEqual([1000]);
});

it('ends with what trying again does not cure', async () => {
	const { done, waits } = run(['refused']);
	await expect(done).rejects.toMatchObject({ status: 403, code: 'forbidden' });
	expect(waits).toEqual([]);
});

it('gives up in the end', async () => {
	const { done } = run(Array<Fault>(100).fill('lost-request'));
	await expect(done).rejects.toBeInstanceOf(Problem);
});

it('can be called off', async () => {
	const control = new AbortController();
	control.abort();
	const { state, done } = run([], control.signal);
	await expect(done).rejects.toThrow();
	expect(state.parts).toEqual([]);
});
