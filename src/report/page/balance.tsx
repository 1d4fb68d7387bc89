/** @jsxRuntime automatic @jsxImportSource preact */
import type { Balance } from '../../model/summary.ts';
import { formatCount, formatShare, formatTime } from '../../words.ts';
import { DELIVERY_NOTE, describeDeliveryDays, describeReceipts, RECEIPTS_NOTE } from '../receipts.ts';
import { Bar, Section, Swatch } from './parts.tsx';
import type { Report } from './report.ts';

/** Where the deliveries of a verdict can be had as a file; null: nowhere. */
export type LinkOf = ((verdict: string) => string) | null;

interface Entry {
  readonly part: Exclude<keyof Balance, 'audience'>;
  readonly colour: string;
  /** The verdict of its deliveries; null: they have none. */
  readonly verdict: string | null;
}

const ENTRIES: readonly Entry[] = [
  { part: 'delivered', colour: 'good', verdict: 'delivered' },
  { part: 'unregistered', colour: 'gone', verdict: 'unregistered' },
  { part: 'rejected', colour: 'bad', verdict: 'rejected' },
  { part: 'unknown', colour: 'doubt', verdict: 'unknown' },
  { part: 'excluded', colour: 'rest', verdict: null },
  { part: 'unsent', colour: 'left', verdict: null },
];

/** What became of the audience: the numbers add up to it. */
export function BalanceSection({ report, linkOf }: { report: Report; linkOf: LinkOf }) {
  const { balance, totals } = report;
  const prunedAt = totals.audience?.prunedAt ?? null;
  const numbers = balance ?? { ...noBalance(report), audience: null };
  const whole = balance?.audience ?? ENTRIES.reduce((sum, { part }) => sum + numbers[part], 0);
  if (whole === 0) return null;
  const phones = describeReceipts(report.receipts, totals.counts);
  return (
    <Section title="The balance">
      <Bar
        slices={ENTRIES.map(({ part, colour }) => ({
          colour,
          size: numbers[part],
          label: `${part} ${formatCount(numbers[part])}`,
        }))}
      />
      <dl class="balance">
        {numbers.audience !== null && (
          <Number label="audience" count={numbers.audience} share="100%" link={null} />
        )}
        {ENTRIES.map(({ part, colour, verdict }) => (
          <Number
            key={part}
            label={part}
            colour={colour}
            count={numbers[part]}
            share={formatShare(numbers[part], whole)}
            link={
              verdict === null || prunedAt !== null || numbers[part] === 0
                ? null
                : (linkOf?.(verdict) ?? null)
            }
          />
        ))}
      </dl>
      <p class="note" style="margin-top:14px">
        Delivered means that FCM accepted the push; no service can say whether a phone has shown it.
        {numbers.unregistered > 0 && ' Unregistered: the app is gone from the device.'}
        {numbers.rejected > 0 && ' Rejected: this target will never work.'}
        {numbers.unknown > 0 && ' Unknown: no answer arrived, so FCM may or may not have accepted it.'}
        {numbers.excluded > 0 &&
          ' Excluded: the device was deleted or unregistered before its turn, or its phone has a second row.'}
        {numbers.unsent > 0 && ' Unsent: not sent yet, or to be sent again.'}
        {balance === null && ' The audience was not counted: an earlier release started this announcement.'}
      </p>
      {phones !== null && (
        <p class="note">
          Phones report it: {phones}. {RECEIPTS_NOTE}
        </p>
      )}
      {report.deliveryData.length > 0 && (
        <p class="note">
          FCM&apos;s delivery data: {describeDeliveryDays(report.deliveryData).join('; ')}. {DELIVERY_NOTE}
        </p>
      )}
      {prunedAt !== null && (
        <p class="notice">
          The list of devices was deleted on {formatTime(prunedAt)} UTC, as the retention asks for. The
          numbers on this page stay.
        </p>
      )}
    </Section>
  );
}

interface NumberProps {
  readonly label: string;
  readonly colour?: string;
  readonly count: number;
  readonly share: string;
  readonly link: string | null;
}

function Number({ label, colour, count, share, link }: NumberProps) {
  return (
    <div>
      <dt>
        {colour !== undefined && <Swatch colour={colour} />}
        {label}
      </dt>
      <dd class="number">{link === null ? formatCount(count) : <a href={link}>{formatCount(count)}</a>}</dd>
      <dd class="share">{share}</dd>
    </div>
  );
}

/** The numbers of an announcement whose audience was not counted: only what its ledger has. */
function noBalance({ totals: { counts } }: Report): Omit<Balance, 'audience'> {
  const { delivered, unregistered, rejected, unknown } = counts;
  const unsent = Math.max(0, counts.unsent + counts.retryable + counts.misconfigured);
  return { excluded: 0, delivered, unregistered, rejected, unknown, unsent };
}
