// SPDX-License-Identifier: GPL-3.0-or-later
// The same asked of many: one call each, a few at a time, with what came of each.
import { useEffect, useRef, useState } from 'react';
import { asProblem } from '../api/problem';
import { queryClient } from '../api/queries';
import { Button, Modal, ModalBody, ModalFooter, ModalHeader, ModalVariant } from '../pf';
import { Bar } from './parts';
import { StateLabel, useWords } from './words';

const AT_ONCE = 4;
const SHOWN_MAX = 200;

export interface BulkItem {
	id: string;
	name: string;
}
export type BulkResult = BulkItem & { done: boolean; detail: string | null };

/** Calls act for each item, AT_ONCE at a time; report is told after each. Ends early when stopped says so. */
export async function runBulk(
	items: BulkItem[],
	act: (id: string) => Promise<unknown>,
	report: (result: BulkResult) => void,
	stopped: () => boolean = () => false,
): Promise<void> {
	const rest = [...items];
	const worker = async () => {
		for (let item = rest.shift(); item && !stopped(); item = rest.shift()) {
			try {
				await act(item.id);
				report({ ...item, done: true, detail: null });
			} catch (error) {
				report({ ...item, done: false, detail: asProblem(error).detail });
			}
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

export function BulkDialog(props: {
	title: string;
	items: () => Promise<BulkItem[]>;
	act: (id: string) => Promise<unknown>;
	collection: string;
	onClose: () => void;
}) {
	const { t } = useWords();
	const [total, setTotal] = useState<number | null>(null);
	const [results, setResults] = useState<BulkResult[]>([]);
	const [over, setOver] = useState(false);
	const stop = useRef(false);
	const { items, act, collection } = props;
	const started = useRef(false);
	useEffect(() => {
		if (started.current) return;
		started.current = true;
		void (async () => {
			const all = await items();
			setTotal(all.length);
			await runBulk(all, act, (result) => setResults((old) => [...old, result]), () => stop.current);
			setOver(true);
			await queryClient.invalidateQueries({ queryKey: [collection] });
		})().catch((error: unknown) => {
			setResults([{ id: '', name: '', done: false, detail: asProblem(error).detail }]);
			setOver(true);
		});
	}, [items, act, collection]);
	const failed = results.filter((result) => !result.done);
	return (
		<Modal isOpen variant={ModalVariant.medium} onClose={props.onClose} aria-labelledby="bulk-title">
			<ModalHeader title={props.title} labelId="bulk-title" />
			<ModalBody>
				<Bar value={total ? (results.length / total) * 100 : over ? 100 : 0} label={props.title} />
				<p aria-live="polite">
					{t('bulk.progress', { done: results.length - failed.length, failed: failed.length, total: total ?? '…' })}
				</p>
				<ul className="ingot-list ingot-bulk">
					{[...failed, ...results.filter((result) => result.done)].slice(0, SHOWN_MAX).map((result) => (
						<li key={result.id}>
							<StateLabel state={result.done ? 'ok' : 'failed'} /> <bdi>{result.name}</bdi> {result.detail}
						</li>
					))}
				</ul>
			</ModalBody>
			<ModalFooter>
				{!over && (
					<Button variant="secondary" onClick={() => (stop.current = true)}>
						{t('bulk.stop')}
					</Button>
				)}
				<Button onClick={props.onClose} isDisabled={!over}>
					{t('common.close')}
				</Button>
			</ModalFooter>
		</Modal>
	);
}
