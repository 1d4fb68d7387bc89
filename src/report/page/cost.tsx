/** @jsxRuntime automatic @jsxImportSource preact */
import type { HopSummary } from '../../model/summary.ts';
import { countOf, formatCount } from '../../words.ts';
import { costOf, gbSecondsOf, LAMBDA_PRICES, MEMORY_MB } from '../prices.ts';
import { stretchesOf } from '../stretches.ts';
import { Section } from './parts.tsx';

/** What the invocations cost at AWS, by the time that the hops were worked on. */
export function Cost({ hops, now }: { hops: readonly HopSummary[]; now: number }) {
  const worked = hops.filter(({ claimedAt }) => claimedAt !== null);
  if (worked.length === 0) return null;
  const requests = worked.reduce((sum, { takenOver, givenBack }) => sum + 1 + takenOver + givenBack, 0);
  const gbSeconds = gbSecondsOf(busyMsOf(worked, now));
  const { region, asOf } = LAMBDA_PRICES;
  return (
    <Section title="Cost">
      <p>
        {formatDollars(costOf(gbSeconds, requests, 'x86_64'))} on AWS Lambda with x86_64; with arm64 a fifth
        less.
      </p>
      <p class="note">
        {countOf(requests, 'invocation')} of {formatCount(MEMORY_MB)} MB, together {formatCount(gbSeconds)}{' '}
        GB-seconds, at the prices of {region} in {asOf}, without the free tier, the database and the network.
        FCM costs nothing.
      </p>
    </Section>
  );
}

function busyMsOf(hops: readonly HopSummary[], now: number): number {
  const stretches = hops.flatMap((hop) => stretchesOf(hop, now));
  return stretches.reduce((sum, { activity, from, to }) => {
    const isBusy = activity === 'reading' || activity === 'waiting' || activity === 'sending';
    return isBusy ? sum + to - from : sum;
  }, 0);
}

function formatDollars(dollars: number): string {
  return dollars < 0.01 ? 'Less than $0.01' : `About $${dollars.toFixed(2)}`;
}
