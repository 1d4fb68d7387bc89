/** @jsxRuntime automatic @jsxImportSource preact */
import type { HopSummary } from '../../model/summary.ts';
import { formatDuration, formatElapsed, formatShare, formatTime } from '../../words.ts';
import { type Band, type BandKind, bandsOf } from '../bands.ts';
import { rampsOf } from '../ramps.ts';
import { sumAnswers } from '../sums.ts';
import { type Part, PART_WORDS, PARTS, type TimeUse } from '../timeline.ts';
import { drawAnswers, drawRates, isBudgetShown } from './charts.ts';
import { formatRate } from './format.ts';
import { Bar, Drawing, Section, Swatch } from './parts.tsx';
import type { Report } from './report.ts';
import { answersOf, budgetOf, quantilesOf, ratesOf } from './series.ts';

/** The most bands that are listed below the chart of the rate. */
const MAX_LISTED_BANDS = 8;

/** A shorter band is not worth a mark. */
const MIN_BAND_SHARE = 0.004;

const BAND_WORDS: Readonly<Record<BandKind | 'ramp', string>> = {
  paused: 'paused',
  down: 'FCM down',
  throttled: 'FCM throttles',
  ramp: 'ramp',
};

/** Pushes per second over time, against the budget, with what held them. */
export function Speed({ report, use }: { report: Report; use: TimeUse }) {
  const { hops, audit, sourceAudit, pace, isPaceKnown, rampFrom } = report;
  const { startedAt, endedAt, wallMs } = use;
  const rates = ratesOf(hops, use);
  if (!rates.some(({ value }) => value > 0)) return null;
  const stops = bandsOf(audit, sourceAudit, endedAt).filter(({ to }) => to > startedAt);
  const ramps = !isPaceKnown ? [] : rampsOf({ hops, pace, rampFrom }, stops);
  const bands = [...mergeStops(stops, wallMs), ...ramps].filter(
    ({ from, to }) => Math.min(to, endedAt) - Math.max(from, startedAt) > wallMs * MIN_BAND_SHARE,
  );
  const budget = !isPaceKnown ? [] : budgetOf(pace, stops, ramps, use);
  const input = { startedAt, wallMs, rates, budget, bands };
  const peak = Math.max(...rates.map(({ value }) => value));
  const listed = bands.filter(({ kind }) => kind !== 'ramp').toSorted((one, two) => one.from - two.from);
  return (
    <Section title="Speed">
      <p class="note">
        Pushes a second, from the start at {formatTime(startedAt)} UTC. The peak is {formatRate(peak)} a
        second
        {isPaceKnown && `; the budget allows ${formatRate(pace.perMinute / 60)}`}
        {isPaceKnown && !isBudgetShown(input) && ', far above what this chart shows'}.
      </p>
      <figure>
        <Drawing chart={drawRates(input)} />
        <figcaption>
          <ul class="legend">
            <li>
              <Swatch colour="accent" kind="line" />
              pushes a second
            </li>
            {isBudgetShown(input) && (
              <li>
                <Swatch kind="dash" />
                budget
              </li>
            )}
            {bands.some(({ kind }) => kind === 'ramp') && (
              <li>
                <Swatch colour="ramp" />
                ramp
              </li>
            )}
            {listed.slice(0, MAX_LISTED_BANDS).map(({ kind, from, to }) => (
              <li key={`${kind} ${from}`}>
                <Swatch colour={kind} />
                {BAND_WORDS[kind]} {formatSecond(from - startedAt)} to{' '}
                {formatSecond(Math.min(wallMs, to - startedAt))}
              </li>
            ))}
            {listed.length > MAX_LISTED_BANDS && <li>and {listed.length - MAX_LISTED_BANDS} more</li>}
          </ul>
        </figcaption>
      </figure>
    </Section>
  );
}

function formatSecond(ms: number): string {
  return formatElapsed(Math.round(Math.max(0, ms) / 1000) * 1000);
}

/** Stops of one kind that follow each other closely are one band. */
function mergeStops(stops: readonly Band[], wallMs: number): Band[] {
  const merged: Band[] = [];
  for (const stop of stops) {
    const nth = merged.findLastIndex(({ kind }) => kind === stop.kind);
    const last = merged[nth];
    if (last && stop.from - last.to <= wallMs * MIN_BAND_SHARE)
      merged[nth] = { ...last, to: Math.max(last.to, stop.to) };
    else merged.push(stop);
  }
  return merged;
}

const PART_COLOURS: Readonly<Record<Part, string>> = {
  sending: 'accent',
  budget: 'budget',
  ramp: 'ramp',
  throttled: 'throttled',
  down: 'down',
  paused: 'paused',
  database: 'database',
  retries: 'retries',
  starting: 'starting',
  stalled: 'stalled',
};

/** Where the time went, as one bar. */
export function TimeParts({ use }: { use: TimeUse }) {
  const parts = PARTS.filter((part) => use.parts[part] > use.wallMs / 1000);
  if (parts.length === 0) return null;
  const slices = parts.map((part) => ({
    colour: PART_COLOURS[part],
    size: use.parts[part],
    label: PART_WORDS[part],
  }));
  return (
    <Section title="Where the time went">
      <Bar slices={slices} />
      <ul class="parts">
        {parts
          .toSorted((one, two) => use.parts[two] - use.parts[one])
          .map((part) => (
            <li key={part}>
              <Swatch colour={PART_COLOURS[part]} />
              <span>{PART_WORDS[part]}</span>
              <span class="time">{formatDuration(use.parts[part])}</span>
              <span class="share">{formatShare(use.parts[part], use.wallMs)}</span>
            </li>
          ))}
      </ul>
    </Section>
  );
}

const QUANTILES = ['p50', 'p95', 'p99'] as const;

/** FCM's answer times over time. */
export function Answers({ hops, use }: { hops: readonly HopSummary[]; use: TimeUse }) {
  const all = quantilesOf(sumAnswers(hops));
  if (all.p50 === null) return null;
  return (
    <Section title="FCM’s answers">
      <p class="note">
        How long FCM took to answer: half of the answers arrived within p50, 95% within p95, 99% within p99.
        The scale is logarithmic.
      </p>
      <figure>
        <Drawing chart={drawAnswers(use.wallMs, answersOf(hops, use))} />
        <figcaption>
          <ul class="legend">
            {QUANTILES.map((name) => (
              <li key={name}>
                <Swatch colour={name} kind="line" />
                {name} {formatDuration(all[name] ?? 0)}
              </li>
            ))}
          </ul>
        </figcaption>
      </figure>
    </Section>
  );
}
