// SPDX-License-Identifier: GPL-3.0-or-later
// A cable between browser and provisioner that can be cut, and one that goes dead without a word.
import { connect, createServer } from 'node:net';

export class Line {
	static async to(url) {
		const line = new Line();
		line.port = Number(new URL(url).port);
		line.pairs = new Set();
		line.dead = false;
		line.listener = createServer((near) => line.join(near));
		await new Promise((resolve) => line.listener.listen(0, '127.0.0.1', resolve));
		line.url = `https://127.0.0.1:${line.listener.address().port}`;
		return line;
	}

	join(near) {
		const far = connect(this.port, '127.0.0.1');
		const pair = { near, far, lost: false };
		this.pairs.add(pair);
		for (const [from, to] of [
			[near, far],
			[far, near],
		]) {
			from.on('data', (data) => to.write(data));
			from.on('error', () => undefined);
			from.on('close', () => {
				// While nothing passes, the other end learns nothing of it; at the latest it goes when the line is closed.
				if (!this.dead && !pair.lost) to.destroy();
				if (from.destroyed && to.destroyed) this.pairs.delete(pair);
			});
			if (this.dead) from.pause();
		}
	}

	/** All connections break; new ones can be made. */
	cut() {
		for (const { near, far } of this.pairs) {
			near.destroy();
			far.destroy();
		}
	}

	/** What stands stays dead, as behind a firewall that has forgotten it; new connections can be made. */
	forget() {
		this.dead = false;
		for (const pair of this.pairs) {
			pair.lost = true;
			pair.near.pause();
			pair.far.pause();
		}
	}

	/** Nothing passes any more, and nobody is told. */
	freeze(dead = true) {
		this.dead = dead;
		for (const { near, far } of this.pairs)
			for (const [end, other] of [
				[near, far],
				[far, near],
			])
				if (dead) end.pause();
				else if (other.destroyed) end.destroy();
				else end.resume();
	}

	async close() {
		this.dead = false;
		this.cut();
		await new Promise((resolve) => this.listener.close(resolve));
	}
}
