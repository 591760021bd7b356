// SPDX-License-Identifier: GPL-3.0-or-later
// Types a long text piece by piece, at a pace that a guest keeps up with: what comes too fast it would lose.
export class Typist<Piece> {
	private readonly waiting: Piece[] = [];
	private timer: ReturnType<typeof setTimeout> | undefined;

	/** left is told how many pieces wait, whenever that changes. */
	constructor(
		private readonly send: (piece: Piece) => void,
		private readonly pauseMs: number,
		private readonly left: (count: number) => void = () => undefined,
	) {}

	/** The first goes at once if nothing waits. */
	type(pieces: readonly Piece[]): void {
		this.waiting.push(...pieces);
		if (this.timer === undefined) this.next();
	}

	/** What waits is not typed. */
	stop(): void {
		clearTimeout(this.timer);
		this.timer = undefined;
		if (this.waiting.length > 0) {
			this.waiting.length = 0;
			this.left(0);
		}
	}

	private readonly next = (): void => {
		this.timer = undefined;
		const piece = this.waiting.shift();
		if (piece === undefined) return;
		this.timer = setTimeout(this.next, this.pauseMs);
		this.send(piece);
		this.left(this.waiting.length);
	};
}
