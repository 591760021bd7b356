// SPDX-License-Identifier: GPL-3.0-or-later
// The same asked of many: one call each, a few at a time, with what came of each.
import { useEffect, useRef, useState } from 'react';
import { asProblem, type Problem } from '../api/problem';
import { queryClient } from '../api/queries';
import { Button, Modal, ModalBody, ModalFooter, ModalHeader, ModalVariant } from '../pf';
import { Bar } from './parts';
import { ProblemLine } from './problem-alert';
import { StateLabel, useWords } from './words';

const AT_ONCE = 4;
const SHOWN_MAX = 200;
/** Results are drawn together: one by one, drawing a thousand takes longer than asking. */
const GATHER_MS = 250;

export interface BulkItem {
	id: string;
	name: string;
}
export interface BulkResult {
	item: BulkItem;
	/** Why it was refused; null: it was done. */
	problem: Problem | null;
}

/** Calls act for each item, AT_ONCE at a time; report is told after each. Ends early when stopped says so. */
export async function runBulk<T extends BulkItem>(
	items: readonly T[],
	act: (item: T) => Promise<unknown>,
	report: (result: BulkResult) => void,
	stopped: () => boolean = () => false,
): Promise<void> {
	const rest = [...items];
	const worker = async () => {
		while (!stopped()) {
			const item = rest.shift();
			if (!item) return;
			try {
				await act(item);
				report({ item, problem: null });
			} catch (error) {
				report({ item, problem: asProblem(error) });
			}
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** It stays until it is over: what is under way is not to go on unseen. Whoever leaves the page stops it after those under way. */
export function BulkDialog<T extends BulkItem>(props: {
	title: string;
	items: readonly T[];
	act: (item: T) => Promise<unknown>;
	collection: string;
	onClose: () => void;
}) {
	const { t } = useWords();
	const [results, setResults] = useState<BulkResult[]>([]);
	const [over, setOver] = useState(false);
	const [stopping, setStopping] = useState(false);
	const stop = useRef(false);
	const latest = useRef(props);
	latest.current = props;
	const started = useRef(false);
	useEffect(() => {
		stop.current = false;
		if (!started.current) {
			started.current = true;
			const { items, collection } = latest.current;
			const all: BulkResult[] = [];
			let timer: ReturnType<typeof setTimeout> | undefined;
			const draw = () => {
				timer = undefined;
				setResults([...all]);
			};
			const report = (result: BulkResult) => {
				all.push(result);
				timer ??= setTimeout(draw, GATHER_MS);
			};
			void runBulk(items, (item) => latest.current.act(item), report, () => stop.current).then(() => {
				clearTimeout(timer);
				draw();
				setOver(true);
				void queryClient.invalidateQueries({ queryKey: [collection] });
			});
		}
		return () => {
			stop.current = true;
		};
	}, []);
	const total = props.items.length;
	const failed = results.filter((result) => result.problem);
	const done = results.filter((result) => !result.problem);
	return (
		<Modal isOpen variant={ModalVariant.medium} onClose={over ? props.onClose : undefined} aria-labelledby="bulk-title">
			<ModalHeader title={props.title} labelId="bulk-title" />
			<ModalBody>
				<Bar value={total ? (results.length / total) * 100 : 100} label={props.title} />
				<p aria-live="polite">
					{t('bulk.progress', { done: done.length, failed: failed.length, total })}
					{over && results.length < total && <> {t('bulk.stopped', { count: total - results.length })}</>}
				</p>
				<ul className="ingot-list ingot-bulk" tabIndex={0} aria-label={t('bulk.results')}>
					{[...failed, ...done].slice(0, SHOWN_MAX).map(({ item, problem }) => (
						<li key={item.id} data-result={item.id}>
							<StateLabel state={problem ? 'failed' : 'ok'} /> <bdi>{item.name}</bdi> {problem && <ProblemLine problem={problem} />}
						</li>
					))}
				</ul>
			</ModalBody>
			<ModalFooter>
				{!over && (
					<Button
						variant="secondary"
						isDisabled={stopping}
						onClick={() => {
							stop.current = true;
							setStopping(true);
						}}
					>
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
