// SPDX-License-Identifier: GPL-3.0-or-later
// The content of an image, sent in parts: after a broken connection it goes on where the server says that it stopped.
import { caller, isRenewed, unsafeHeaders } from './client';
import { asProblem, problemOf, type Problem } from './problem';
import type { ImageContent } from './types';

export const PART_BYTES = 8 * 1024 * 1024;
const TRIES = 8;
const FIRST_WAIT_MS = 500;

export interface Source {
	size: number;
	slice(from: number, to: number): Blob;
}
export interface UploadOptions {
	signal: AbortSignal;
	progress: (sent: number, total: number) => void;
	/** Told while it waits to try again. */
	waiting?: (problem: Problem) => void;
	wait?: (ms: number) => Promise<void>;
	fetch?: typeof fetch;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const offsetOf = (response: Response): number | null => {
	const text = response.headers.get('Upload-Offset');
	return text !== null && /^\d+$/.test(text) ? Number(text) : null;
};

/** Whether trying again may help: nobody answered, or who answered was busy. */
const passing = (problem: Problem) => problem.status === 0 || problem.status === 429 || problem.status >= 502;

/** How much the server has. */
async function ask(path: string, options: UploadOptions): Promise<number> {
	const response = await (options.fetch ?? fetch)(path, { signal: options.signal, cache: 'no-store' });
	if (!response.ok) throw await problemOf(response);
	const content = (await response.json()) as ImageContent;
	return content.offset_bytes;
}

async function sendPart(path: string, source: Source, offset: number, options: UploadOptions, again = false): Promise<number> {
	const end = Math.min(offset + PART_BYTES, source.size);
	const by = caller();
	const response = await (options.fetch ?? fetch)(path, {
		method: 'PATCH',
		headers: { ...unsafeHeaders(), 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset) },
		body: source.slice(offset, end),
		signal: options.signal,
	});
	// A part that arrived although its answer was lost: the server says where it is. If that was the last one, it has begun.
	if (response.status === 409) return end > offset ? ask(path, options) : end;
	if (!response.ok) {
		const problem = await problemOf(response);
		if (!again && (await isRenewed(problem, by))) return sendPart(path, source, offset, options, true);
		throw problem;
	}
	return offsetOf(response) ?? end;
}

/** Sends all of it. Rejects with a Problem that trying again does not cure, or when it is called off. */
export async function upload(path: string, source: Source, options: UploadOptions): Promise<void> {
	const wait = options.wait ?? pause;
	let offset: number | null = null;
	let tries = 0;
	for (;;) {
		options.signal.throwIfAborted();
		try {
			offset ??= await ask(path, options);
			options.progress(offset, source.size);
			// Also when nothing is missing: an empty part says that this is all, which may not have been heard.
			offset = await sendPart(path, source, offset, options);
			options.progress(offset, source.size);
			if (offset >= source.size) return;
			tries = 0;
		} catch (error) {
			if (options.signal.aborted) throw error;
			const problem = asProblem(error);
			if (!passing(problem) || ++tries >= TRIES) throw problem;
			options.waiting?.(problem);
			await wait(problem.retryAfter ? problem.retryAfter * 1000 : FIRST_WAIT_MS * 2 ** (tries - 1));
			offset = null; // how much of the part arrived is not known
		}
	}
}
