import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { formatCount, formatDuration, formatElapsed } from '../../words.ts';
import type { Band, BandKind } from '../bands.ts';
import type { Ramp } from '../ramps.ts';
import { type AnswerTimes, type Bin, type Knot, stepOf } from './series.ts';
import type { Row } from './strip.ts';

/** One chart as SVG, for wide and for narrow screens: its text has the same size on both. */
export interface Chart {
  readonly wide: string;
  readonly narrow: string;
}

/** A chart of one width. */
interface Frame {
  readonly width: number;
  readonly ticks: number;
}

const WIDE: Frame = { width: 860, ticks: 8 };
const NARROW: Frame = { width: 330, ticks: 4 };

/** The colours of bands: variables of the page's style. */
const BAND_FILL: Readonly<Record<BandKind | 'ramp', string>> = {
  paused: 'var(--paused)',
  down: 'var(--down)',
  throttled: 'var(--throttled)',
  ramp: 'var(--ramp)',
};

/** Where a budget is so much higher than the rate, the chart does not show it. */
const MAX_BUDGET_FACTOR = 4;

export interface RateInput {
  readonly startedAt: number;
  readonly wallMs: number;
  readonly rates: readonly Bin<number>[];
  readonly budget: readonly Knot[];
  readonly bands: readonly (Band | Ramp)[];
}

/** `drawRates` draws pushes per second over time, with the budget and with what held it. */
export function drawRates(input: RateInput): Chart {
  const { startedAt, wallMs, rates, budget, bands } = input;
  const peak = Math.max(1, ...rates.map(({ value }) => value));
  const full = Math.max(0, ...budget.map(({ perSecond }) => perSecond));
  const shows = isBudgetShown(input);
  const steps = rates.flatMap((bin) => stepsOf(bin, wallMs, (value) => value));
  return draw('Pushes per second over time', 230, (frame) => ({
    x: xScale(wallMs),
    y: { domain: [0, (shows ? Math.max(peak, full) : peak) * 1.08] },
    marks: [
      Plot.rect(bands, {
        x1: ({ from }: Band) => Math.max(0, from - startedAt),
        x2: ({ to }: Band) => Math.min(wallMs, to - startedAt),
        fill: ({ kind }: Band | Ramp) => BAND_FILL[kind],
        fillOpacity: 0.22,
        inset: 0,
      }),
      ...axes(frame, wallMs, formatCount),
      Plot.areaY(steps, { x: 'at', y1: 0, y2: 'value', fill: 'var(--accent)', fillOpacity: 0.28 }),
      Plot.lineY(steps, { x: 'at', y: 'value', stroke: 'var(--accent)', strokeWidth: 1.5 }),
      ...(shows
        ? [
            Plot.lineY(budget, {
              x: 'at',
              y: 'perSecond',
              stroke: 'var(--ink)',
              strokeDasharray: '4 3',
              strokeWidth: 1.2,
            }),
          ]
        : []),
    ],
  }));
}

/** `isBudgetShown` is false where the budget would lie far above the rate. */
export function isBudgetShown({ rates, budget }: Pick<RateInput, 'rates' | 'budget'>): boolean {
  const peak = Math.max(1, ...rates.map(({ value }) => value));
  const full = Math.max(0, ...budget.map(({ perSecond }) => perSecond));
  return full > 0 && full <= peak * MAX_BUDGET_FACTOR;
}

const LINES = [
  ['p99', 'var(--p99)'],
  ['p95', 'var(--p95)'],
  ['p50', 'var(--p50)'],
] as const;

/** `drawAnswers` draws FCM's answer times over time, on a logarithmic scale. */
export function drawAnswers(wallMs: number, bins: readonly Bin<AnswerTimes>[]): Chart {
  const values = bins.flatMap(({ value }) => Object.values(value) as (number | null)[]);
  const times = values.filter((value) => value !== null);
  const [low, high] = [Math.max(1, Math.min(...times)), Math.max(2, ...times)];
  const domain: [number, number] = [low / 1.3, high * 1.3];
  return draw("FCM's answer times over time", 190, (frame) => ({
    x: xScale(wallMs),
    y: { type: 'log', domain },
    marks: [
      ...axes(frame, wallMs, formatDuration, logTicks(domain)),
      ...LINES.map(([name, stroke]) => {
        const steps = bins.flatMap((bin) => stepsOf(bin, wallMs, (value) => value[name] ?? Number.NaN));
        return Plot.lineY(steps, { x: 'at', y: 'value', stroke, strokeWidth: 1.75 });
      }),
    ],
  }));
}

const ROW_HEIGHT = 30;
const HEATS = 6;

/** The colour of a share of the longest time, from 0 to 1. */
function heatOf(share: number): string {
  return `var(--heat${Math.min(HEATS - 1, Math.floor(share * HEATS))})`;
}

/** `drawStrip` draws all hops as cells, one row for each round, darker where sending took longer. */
export function drawStrip(rowsFor: (maxCells: number) => readonly Row[]): Chart {
  const rows = rowsFor(1);
  return draw('All hops, by the time that they took', rows.length * ROW_HEIGHT, ({ width }) => {
    const drawn = rowsFor(Math.floor(width / 1.25));
    const cells = drawn.flatMap((row) => row.cells.map((cell) => ({ ...cell, row: row.label })));
    const most = Math.max(1, ...drawn.map((row) => row.cells.length));
    // A cell is not wider than this, also where there are few.
    const end = Math.max(most, Math.round(width / 60));
    const isDense = most > width / 6;
    return {
      marginTop: 0,
      marginBottom: 0,
      marginRight: 0,
      marginLeft: rows.length > 1 ? 72 : 0,
      x: { type: 'linear', domain: [0, end], axis: null },
      y: {
        type: 'band',
        domain: rows.map(({ label }) => label),
        axis: rows.length > 1 ? 'left' : null,
        label: null,
        tickSize: 0,
        padding: 0.12,
      },
      marks: [
        Plot.barX(cells, {
          x1: 'nth',
          x2: ({ nth }: { nth: number }) => nth + 1,
          y: 'row',
          fill: ({ share }: { share: number }) => heatOf(share),
          insetLeft: 0,
          insetRight: isDense ? 0 : 1,
          insetTop: 7,
        }),
        Plot.dot(
          cells.filter(({ isTroubled }) => isTroubled),
          {
            x: ({ nth }: { nth: number }) => nth + 0.5,
            y: 'row',
            dy: -ROW_HEIGHT / 2 + 5,
            r: 2.2,
            fill: 'var(--bad)',
          },
        ),
      ],
    };
  });
}

/** The horizontal line of a bin; the last bin may be longer than the chart. */
function stepsOf<Value>(
  { from, to, value }: Bin<Value>,
  wallMs: number,
  read: (value: Value) => number,
): { at: number; value: number }[] {
  return [from, Math.min(to, wallMs)].map((at) => ({ at, value: read(value) }));
}

function draw(label: string, height: number, optionsOf: (frame: Frame) => Plot.PlotOptions): Chart {
  const { document } = parseHTML('<html><body></body></html>');
  const render = (frame: Frame): string => {
    const svg = Plot.plot({
      document,
      className: 'plot',
      width: frame.width,
      height,
      marginTop: 12,
      marginRight: 10,
      marginBottom: 24,
      marginLeft: 52,
      color: { type: 'identity' },
      ...optionsOf(frame),
    }) as unknown as Svg;
    svg.querySelector('style')?.remove();
    // The root has one name for all of it.
    for (const part of svg.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
    // The root has font attributes of its own, which the style of the page replaces.
    for (const name of ['font-size', 'font-family', 'width', 'height']) svg.removeAttribute(name);
    return shorten(svg.outerHTML);
  };
  return { wide: render(WIDE), narrow: render(NARROW) };
}

/** The part of the DOM that is used here. */
interface Svg {
  readonly outerHTML: string;
  querySelector(selector: string): { remove(): void } | null;
  querySelectorAll(selector: string): Iterable<Pick<Svg, 'removeAttribute'>>;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
}

/** A tenth of a pixel is enough. */
function shorten(svg: string): string {
  return svg.replaceAll(/-?\d+\.\d{2,}/g, (number) => String(Number(Number(number).toFixed(1))));
}

function xScale(wallMs: number): Plot.ScaleOptions {
  return { type: 'linear', domain: [0, Math.max(1, wallMs)], label: null };
}

function axes(
  { ticks }: Frame,
  wallMs: number,
  format: (value: number) => string,
  yTicks: number | readonly number[] = 4,
): Plot.Markish[] {
  const step = stepOf(Math.max(1, wallMs), ticks);
  const times = Array.from({ length: Math.floor(wallMs / step) + 1 }, (_, nth) => nth * step);
  const y = typeof yTicks === 'number' ? { ticks: yTicks } : { ticks: [...yTicks] };
  return [
    Plot.gridY({ ...y, stroke: 'var(--line)', strokeOpacity: 1 }),
    Plot.axisY({ ...y, tickSize: 0, label: null, tickFormat: format, fill: 'var(--muted)' }),
    Plot.axisX({
      ticks: times,
      tickSize: 4,
      label: null,
      tickFormat: formatElapsed,
      color: 'var(--muted)',
    }),
  ];
}

/** 10, 20, 50, 100, …: of many only the powers of ten. */
function logTicks([low, high]: readonly [number, number]): number[] {
  const powers = [1, 10, 100, 1000, 10_000, 100_000];
  const fine = powers.flatMap((power) => [power, 2 * power, 5 * power]);
  const inside = (ticks: readonly number[]): number[] => ticks.filter((tick) => tick >= low && tick <= high);
  return inside(fine).length <= 6 ? inside(fine) : inside(powers);
}
