/** @jsxRuntime automatic @jsxImportSource preact */
import { type HopSummary, isInterrupted, wakeUpsOf } from '../../model/summary.ts';
import { countOf, formatCount, formatDuration } from '../../words.ts';
import { drawStrip } from './charts.ts';
import { Drawing, Section, Swatch } from './parts.tsx';
import { longestOf, rowsOf, sendingMsOf, slowestOf } from './strip.ts';

const MAX_SLOWEST = 20;

/** All hops as cells, and the slowest as bars. */
export function Hops({ hops, now }: { hops: readonly HopSummary[]; now: number }) {
  const worked = hops.filter(({ claimedAt }) => claimedAt !== null);
  if (worked.length === 0) return null;
  const slowest = slowestOf(hops, now, MAX_SLOWEST);
  const longestMs = longestOf(worked, now);
  const troubled = worked.filter(isInterrupted).length;
  const nthOf = new Map(hops.map((hop, nth) => [hop, nth + 1]));
  return (
    <Section title="Hops">
      <p class="note">
        {countOf(worked.length, 'hop')}, each the work on one page of devices, in their order.
        {troubled > 0 &&
          ` ${formatCount(troubled)} ${troubled === 1 ? 'was' : 'were'} interrupted and went on: an invocation was killed, an event was lost, or a hop was given back.`}
      </p>
      <figure>
        <Drawing chart={drawStrip((maxCells) => rowsOf(worked, now, maxCells))} />
        <figcaption>
          <ul class="legend">
            <li>
              sent within 0 s{' '}
              {[0, 1, 2, 3, 4, 5].map((heat) => (
                <i key={heat} class="swatch" style={`background:var(--heat${heat});margin:0 1px`} />
              ))}{' '}
              {formatDuration(longestMs)} or more
            </li>
            {troubled > 0 && (
              <li>
                <Swatch kind="dot" />
                interrupted
              </li>
            )}
          </ul>
        </figcaption>
      </figure>
      {worked.length > 1 && <Slowest {...{ slowest, count: worked.length, now, nthOf }} />}
    </Section>
  );
}

interface SlowestProps {
  readonly slowest: readonly HopSummary[];
  readonly count: number;
  readonly now: number;
  readonly nthOf: ReadonlyMap<HopSummary, number>;
}

function Slowest({ slowest, count, now, nthOf }: SlowestProps) {
  const mostMs = Math.max(1, ...slowest.map((hop) => waitingMsOf(hop, now) + sendingMsOf(hop, now)));
  return (
    <>
      <h3>{slowest.length < count ? `The slowest ${slowest.length}` : 'From the slowest to the fastest'}</h3>
      <table class="hops">
        <thead>
          <tr>
            <th scope="col">Hop</th>
            <th scope="col" class="optional">
              From id
            </th>
            <th scope="col" class="wide-cell">
              <Swatch colour="rest" />
              waited for its slot <Swatch colour="accent" />
              sent
            </th>
            <th scope="col" class="num">
              Pushes
            </th>
            <th scope="col" class="num">
              Sent in
            </th>
            <th scope="col" class="optional">
              Interrupted
            </th>
          </tr>
        </thead>
        <tbody>
          {slowest.map((hop) => (
            <tr key={nthOf.get(hop)}>
              <th scope="row">
                {formatCount(nthOf.get(hop) ?? 0)}
                {hop.round > 0 && <span class="muted"> retry {hop.round}</span>}
              </th>
              <td class="optional">{formatCount(hop.fromId)}</td>
              <td class="wide-cell">
                <div class="track" aria-hidden="true">
                  <i style={widthOf(waitingMsOf(hop, now), mostMs, 'rest')} />
                  <i style={widthOf(sendingMsOf(hop, now), mostMs, 'accent')} />
                </div>
              </td>
              <td class="num">{formatCount(hop.work.sent)}</td>
              <td class="num">{formatDuration(sendingMsOf(hop, now))}</td>
              <td class="optional">{describeTrouble(hop)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function widthOf(ms: number, mostMs: number, colour: string): string {
  return `width:${((100 * ms) / mostMs).toFixed(1)}%;background:var(--${colour})`;
}

function waitingMsOf({ claimedAt, openedAt }: HopSummary, now: number): number {
  if (claimedAt === null) return 0;
  return openedAt === null ? 0 : Math.max(0, Math.min(openedAt, now) - claimedAt);
}

function describeTrouble(hop: HopSummary): string {
  if (!isInterrupted(hop)) return '';
  const parts: readonly (readonly [number, string])[] = [
    [hop.takenOver, 'taken over'],
    [hop.givenBack, 'given back'],
    [wakeUpsOf(hop), 'woken'],
  ];
  return parts
    .flatMap(([count, words]) => (count === 0 ? [] : [count === 1 ? words : `${words} ${count}×`]))
    .join(', ');
}
