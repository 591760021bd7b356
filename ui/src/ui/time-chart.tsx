// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes over time, as lines, by uPlot. Its colours are custom properties of the page's style, so that both themes have theirs. What is
// drawn is for the eye: whoever shows it says the same in words, and as a table.
import 'uplot/dist/uPlot.min.css';
import './time-chart.css';
import { useEffect, useRef } from 'react';
import UPlot, { type AlignedData, type Options, type Series } from 'uplot';
import { byteTicks, formatBytes } from './format';
import { useDark } from './theme';

export interface Line {
	/** The custom property whose value is its colour. */
	color: `--${string}`;
	values: (number | null)[];
	dash?: number[];
	width?: number;
	/** Coloured down to zero. */
	filled?: boolean;
}

const DAY_S = 86400;
const MARGIN_TOP = 1.05;

/** A value that has none beside it: no line goes through it, it is a dot. */
const alone = (values: ArrayLike<number | null | undefined>, index: number) =>
	typeof values[index] === 'number' && typeof values[index - 1] !== 'number' && typeof values[index + 1] !== 'number';

function seriesOf({ color, dash, width = 2, filled }: Line, colorOf: (name: string) => string): Series {
	const stroke = colorOf(color);
	const drawn: Series = {
		stroke,
		width,
		points: {
			filter: (plot, index, shown) => (shown ? null : Array.from(plot.data[index] ?? [], (_value, at) => at).filter((at) => alone(plot.data[index] ?? [], at))),
		},
	};
	if (dash) drawn.dash = dash;
	// Thinner than its line; a colour that is not written so has no other.
	if (filled && /^#[0-9a-f]{6}$/i.test(stroke)) drawn.fill = `${stroke}26`;
	return drawn;
}

function optionsOf(holder: HTMLElement, times: number[], lines: Line[], language: string, onCursor: (index: number | null) => void): Options {
	const style = getComputedStyle(holder);
	const colorOf = (name: string) => style.getPropertyValue(name).trim();
	const size = Math.round(parseFloat(style.fontSize));
	const font = `${size}px ${style.fontFamily}`;
	const grid = { stroke: colorOf('--ingot-chart-grid'), width: 1 };
	const axis = { stroke: colorOf('--ingot-chart-text'), font, grid, ticks: { ...grid, size: 4 } };
	const day = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric' });
	const hour = new Intl.DateTimeFormat(language, { hour: 'numeric', minute: '2-digit' });
	const top = Math.max(1, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0))) * MARGIN_TOP;
	return {
		width: holder.clientWidth,
		height: holder.clientHeight,
		legend: { show: false },
		cursor: { y: false, drag: { x: false, y: false } },
		scales: { x: { range: [times.at(0) ?? 0, times.at(-1) ?? 1] }, y: { range: [0, top] } },
		axes: [
			{ ...axis, space: size * 5.5, size: size * 2, gap: 4, values: (_plot, splits, _index, _space, step) => splits.map((at) => (step < DAY_S ? hour : day).format(at * 1000)) },
			{
				...axis,
				splits: (plot) => byteTicks(top, plot.height / (size * 4)),
				values: (_plot, splits) => splits.map((bytes) => formatBytes(bytes, language)),
				size: (plot, values) => {
					plot.ctx.font = font;
					return Math.ceil(Math.max(0, ...(values ?? []).map((text) => plot.ctx.measureText(text).width))) + 12;
				},
			},
		],
		series: [{}, ...lines.map((line) => seriesOf(line, colorOf))],
		hooks: { setCursor: [({ cursor: { idx } }) => onCursor(idx ?? null)] },
	};
}

/** label: what it shows, in words. times: seconds since 1970, rising. onCursor: which of them is pointed at. */
export function TimeChart(props: { label: string; times: number[]; lines: Line[]; language: string; onCursor: (index: number | null) => void }) {
	const { label, times, lines, language, onCursor } = props;
	const place = useRef<HTMLDivElement>(null);
	const dark = useDark();
	useEffect(() => {
		const holder = place.current;
		if (!holder) return undefined;
		const data: AlignedData = [times, ...lines.map(({ values }) => values)];
		const plot = new UPlot(optionsOf(holder, times, lines, language, onCursor), data, holder);
		const resized = new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: holder.clientHeight }));
		resized.observe(holder);
		return () => {
			resized.disconnect();
			plot.destroy();
		};
	}, [times, lines, language, onCursor, dark]);
	return <div className="ingot-plot" ref={place} role="img" aria-label={label} />;
}
