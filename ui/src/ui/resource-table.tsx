// SPDX-License-Identifier: GPL-3.0-or-later
// A table over a list of the API, however long: the server sorts, filters and pages; only the rows in sight are in the
// document; what is asked for is kept in the address.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router-dom';
import { usePages } from '../api/queries';
import { Button, Checkbox, FormSelect, FormSelectOption, SearchInput, Spinner, Table, Tbody, Td, Th, Thead, Toolbar, ToolbarContent, ToolbarItem, Tr } from '../pf';
import { ProblemAlert } from './problem-alert';
import { useWords } from './words';

const ROW_PX = 44;
/** A table that has less room than this shows each row as a card: its cells below one another, each with its label. */
const CARDS_BELOW_PX = 800;
/** How high a card is about, before it was measured. */
const CARD_PX = 40;
const CARD_CELL_PX = 29;
const TYPING_MS = 250;
/** Of the width, for the box to choose a row. */
const CHECK_SHARE = 0.05;

export interface Column<T> {
	field: string;
	label: string;
	/** The server can sort by this field. */
	sort?: boolean;
	/** Share of the width. */
	width?: number;
	cell: (row: T) => ReactNode;
}
export interface Filter {
	field: string;
	label: string;
	words: readonly string[];
}
export interface Selection {
	ids: Set<string>;
	/** All that match the filter, also those that were not read yet. */
	matching: boolean;
	query: Record<string, string>;
	count: number;
}

export function useListQuery(filters: readonly Filter[], defaultSort: string) {
	const [search, setSearch] = useSearchParams();
	const sort = search.get('sort') ?? defaultSort;
	const query: Record<string, string> = {};
	for (const name of ['q', ...filters.map((filter) => filter.field)]) {
		const value = search.get(name);
		if (value) query[name] = value;
	}
	const set = (name: string, value: string) =>
		setSearch(
			(old) => {
				const next = new URLSearchParams(old);
				if (value) next.set(name, value);
				else next.delete(name);
				return next;
			},
			{ replace: true },
		);
	return { sort, query, set };
}

function Search({ value, onChange, label }: { value: string; onChange: (value: string) => void; label: string }) {
	const { t } = useWords();
	const [text, setText] = useState(value);
	const latest = useRef(onChange);
	latest.current = onChange;
	useEffect(() => setText(value), [value]);
	useEffect(() => {
		if (text === value) return undefined;
		const timer = setTimeout(() => latest.current(text), TYPING_MS);
		return () => clearTimeout(timer);
	}, [text, value]);
	return (
		<SearchInput
			aria-label={label}
			placeholder={label}
			resetButtonLabel={t('table.clearSearch')}
			value={text}
			onChange={(_event, next) => setText(next)}
			onClear={() => {
				setText('');
				onChange('');
			}}
		/>
	);
}

function useCards(box: HTMLElement | null): boolean {
	const [cards, setCards] = useState(false);
	useLayoutEffect(() => {
		if (!box) return undefined;
		// Without any width it is not laid out.
		const look = () => setCards(box.clientWidth > 0 && box.clientWidth < CARDS_BELOW_PX);
		look();
		const watch = new ResizeObserver(look);
		watch.observe(box);
		return () => watch.disconnect();
	}, [box]);
	return cards;
}

/** What the head of a table is for, where rows are cards and have none. */
function CardSort<T>({ columns, sort, onChange }: { columns: Column<T>[]; sort: string; onChange: (sort: string) => void }) {
	const { t } = useWords();
	const ways = columns
		.filter((column) => column.sort)
		.flatMap(({ field, label }) => [
			{ value: field, label: t('table.ascending', { field: label }) },
			{ value: `-${field}`, label: t('table.descending', { field: label }) },
		]);
	if (ways.length === 0) return null;
	return (
		<ToolbarItem>
			<FormSelect aria-label={t('table.sort')} className="ingot-sort" value={sort} onChange={(_event, value) => onChange(value)}>
				{/* By a field that is no column, or none: as it is, until another is chosen. */}
				{!ways.some(({ value }) => value === sort) && <FormSelectOption value={sort} label={t('table.unsorted')} isDisabled />}
				{ways.map(({ value, label }) => (
					<FormSelectOption key={value} value={value} label={label} />
				))}
			</FormSelect>
		</ToolbarItem>
	);
}

/** Rows that are parts of what the list holds: it is read a page after the other, as one comes to the end of the rows. */
export interface Parts<T, Whole> {
	rowsOf: (wholes: Whole[]) => T[];
	/** How many wholes are asked for at once. */
	limit: number;
	/** What is said of how many rows there are so far, of how many wholes of all. */
	count: (rows: number, read: number, total: number) => string;
	/** To read on, where the last page had no rows: nobody comes to an end that does not move. */
	readOn: string;
}

export function ResourceTable<T extends { id: string }, Whole = T>(props: {
	label: string;
	path: string;
	/** Of the query: what an event makes stale. */
	collection: string;
	columns: Column<T>[];
	filters?: readonly Filter[];
	defaultSort?: string;
	rowName: (row: T) => string;
	empty: ReactNode;
	actions?: ReactNode;
	/** Rows can be chosen; what is done with them is shown above the table. */
	selectionActions?: (selection: Selection, clear: () => void) => ReactNode;
	searchable?: boolean;
	/** What can be searched for, if not the rows themselves. */
	searchLabel?: string;
	parts?: Parts<T, Whole>;
}) {
	const { t, word } = useWords();
	const filters = props.filters ?? [];
	const { sort, query, set } = useListQuery(filters, props.defaultSort ?? '');
	const { parts } = props;
	const pages = usePages<T | Whole>(props.path, props.collection, { ...query, sort }, undefined, parts?.limit);
	const rowsOf = parts?.rowsOf;
	const chunks = useMemo(() => (pages.data?.pages ?? []).map((page) => (rowsOf ? rowsOf(page.items as Whole[]) : (page.items as T[]))), [pages.data, rowsOf]);
	const rows = useMemo(() => chunks.flat(), [chunks]);
	const read = pages.data?.pages.reduce((sum, page) => sum + page.items.length, 0) ?? 0;
	const total = pages.data?.pages[0]?.total ?? read;
	const barren = chunks.length > 0 && chunks.at(-1)?.length === 0;
	const [chosen, setChosen] = useState<Set<string>>(new Set());
	const [matching, setMatching] = useState(false);
	const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
	const cards = useCards(scroller);
	const virtual = useVirtualizer({
		count: rows.length,
		getScrollElement: () => scroller,
		estimateSize: () => (cards ? CARD_PX + CARD_CELL_PX * props.columns.length : ROW_PX),
		overscan: 12,
		initialRect: { width: 1000, height: 600 },
	});
	// What was measured of rows says nothing of cards.
	useLayoutEffect(() => virtual.measure(), [virtual, cards]);
	const visible = virtual.getVirtualItems();
	const last = visible.at(-1)?.index ?? 0;
	const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
	useEffect(() => {
		if (hasNextPage && !isFetchingNextPage && !barren && last >= rows.length - 40) void fetchNextPage();
	}, [hasNextPage, isFetchingNextPage, fetchNextPage, barren, last, rows.length]);
	const filtered = Object.keys(query).length > 0;
	const asked = JSON.stringify(query);
	useEffect(() => {
		setChosen(new Set());
		setMatching(false);
	}, [asked]);

	const descending = sort.startsWith('-');
	const sorted = descending ? sort.slice(1) : sort;
	const clear = () => {
		setChosen(new Set());
		setMatching(false);
	};
	const selection: Selection = { ids: chosen, matching, query, count: matching ? total : chosen.size };
	const choosable = Boolean(props.selectionActions);
	const allShown = rows.length > 0 && rows.every((row) => chosen.has(row.id));
	const columns = props.columns.length + (choosable ? 1 : 0);
	const above = visible[0]?.start ?? 0;
	const chooseShown = (on: boolean) => {
		setMatching(false);
		setChosen(on ? new Set(rows.map((row) => row.id)) : new Set());
	};
	const below = virtual.getTotalSize() - (visible.at(-1)?.end ?? 0);

	if (pages.data && total === 0 && !filtered)
		return (
			<>
				{props.actions && <div className="ingot-toolbar-alone">{props.actions}</div>}
				{props.empty}
			</>
		);
	return (
		<>
			<Toolbar className="ingot-toolbar">
				<ToolbarContent>
					{props.searchable !== false && (
						<ToolbarItem>
							<Search value={query.q ?? ''} label={props.searchLabel ?? t('table.search')} onChange={(value) => set('q', value)} />
						</ToolbarItem>
					)}
					{filters.map((filter) => (
						<ToolbarItem key={filter.field}>
							<FormSelect
								aria-label={t('table.filter', { field: filter.label })}
								value={query[filter.field] ?? ''}
								onChange={(_event, value) => set(filter.field, value)}
							>
								<FormSelectOption value="" label={t('table.any', { field: filter.label })} />
								{filter.words.map((each) => (
									<FormSelectOption key={each} value={each} label={word(each)} />
								))}
							</FormSelect>
						</ToolbarItem>
					))}
					{cards && <CardSort columns={props.columns} sort={sort} onChange={(value) => set('sort', value)} />}
					{cards && choosable && rows.length > 0 && (
						<ToolbarItem>
							<Checkbox id="choose-shown" label={t('table.selectAll')} isChecked={allShown} onChange={(_event, on) => chooseShown(on)} />
						</ToolbarItem>
					)}
					{props.actions && <ToolbarItem>{props.actions}</ToolbarItem>}
					<ToolbarItem className="ingot-count">
						{pages.isFetching && <Spinner size="md" aria-label={t('common.loading')} />}{' '}
						{/* Read aloud is how many there are, when that changes: not that it was asked for once more. */}
						<span aria-live="polite">{pages.data && (parts ? parts.count(rows.length, read, total) : t('table.count', { count: total }))}</span>
					</ToolbarItem>
				</ToolbarContent>
			</Toolbar>
			{choosable && selection.count > 0 && (
				<div className="ingot-selection" role="region" aria-label={t('table.selection')}>
					<strong>{t('table.selected', { count: selection.count })}</strong>
					{!matching && allShown && total > rows.length && (
						<Button variant="link" isInline onClick={() => setMatching(true)}>
							{t('table.selectMatching', { count: total })}
						</Button>
					)}
					<Button variant="link" isInline onClick={clear}>
						{t('table.clearSelection')}
					</Button>
					{props.selectionActions?.(selection, clear)}
				</div>
			)}
			<ProblemAlert error={pages.error} />
			<div className="ingot-scroll" ref={setScroller} role="region" aria-label={props.label} tabIndex={0}>
				<Table
					variant="compact"
					aria-label={props.label}
					aria-rowcount={parts ? (hasNextPage ? -1 : rows.length + 1) : total + 1}
					className={cards ? 'ingot-cards' : 'ingot-table'}
					gridBreakPoint={cards ? 'grid' : ''}
					isStickyHeader
				>
					<Thead>
						<Tr aria-rowindex={1}>
							{choosable && (
								<Th className="ingot-check">
									<input
										type="checkbox"
										className="pf-v6-c-check__input"
										aria-label={t('table.selectAll')}
										checked={allShown}
										onChange={(event) => chooseShown(event.target.checked)}
									/>
								</Th>
							)}
							{props.columns.map((column, index) => (
								<Th
									key={column.field}
									style={column.width ? { width: `${column.width * (choosable ? 1 - CHECK_SHARE : 1)}%` } : undefined}
									sort={
										column.sort
											? {
													columnIndex: index,
													sortBy: {
														index: sorted === column.field ? index : undefined,
														direction: descending ? 'desc' : 'asc',
													},
													onSort: (_event, _index, direction) => set('sort', (direction === 'desc' ? '-' : '') + column.field),
												}
											: undefined
									}
								>
									{column.label}
								</Th>
							))}
						</Tr>
					</Thead>
					<Tbody>
						{above > 0 && (
							<tr aria-hidden="true">
								<td colSpan={columns} style={{ height: above, padding: 0 }} />
							</tr>
						)}
						{visible.map((item) => {
							const row = rows[item.index];
							if (!row) return null;
							return (
								<Tr
									key={row.id}
									ref={cards ? virtual.measureElement : undefined}
									data-index={item.index}
									aria-rowindex={item.index + 2}
									data-id={row.id}
								>
									{choosable && (
										<Td className="ingot-check">
											<input
												type="checkbox"
												className="pf-v6-c-check__input"
												aria-label={t('table.selectRow', { name: props.rowName(row) })}
												checked={matching || chosen.has(row.id)}
												onChange={(event) => {
													const on = event.target.checked;
													setMatching(false);
													setChosen((old) => {
														const next = new Set(old);
														if (on) next.add(row.id);
														else next.delete(row.id);
														return next;
													});
												}}
											/>
										</Td>
									)}
									{props.columns.map((column) => (
										<Td key={column.field} dataLabel={column.label}>
											{column.cell(row)}
										</Td>
									))}
								</Tr>
							);
						})}
						{below > 0 && (
							<tr aria-hidden="true">
								<td colSpan={columns} style={{ height: below, padding: 0 }} />
							</tr>
						)}
					</Tbody>
				</Table>
				{parts && barren && hasNextPage && (
					<Button variant="secondary" isLoading={isFetchingNextPage} isDisabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
						{parts.readOn}
					</Button>
				)}
				{pages.data && total === 0 && filtered && <p className="ingot-nothing">{t('table.nothingMatches')}</p>}
				{pages.isPending && <Spinner aria-label={t('common.loading')} />}
			</div>
		</>
	);
}
