import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Announcement } from '../model/announcement.ts';
import type { DeliveryKey, ExportedDelivery, ExportOptions } from '../store/exports.ts';
import { fetchTotalsOf } from '../store/summaries.ts';
import { toIso } from '../words.ts';

/** The columns of an export, in their order; the last one only if targets are asked for. */
const EXPORT_COLUMNS = [
  'member_id',
  'device_id',
  'message_id',
  'verdict',
  'reason',
  'recorded_at',
  'attempts',
  'fcm_message_id',
  'target',
] as const;

/** Before the first delivery: ids begin at 0. */
export const EXPORT_START: DeliveryKey = { messageId: 0, deviceId: -1 };

/** Deliveries of one read. */
export const EXPORT_PAGE = 5000;

/** One read of an export. */
export interface ExportPage {
  readonly deliveries: readonly ExportedDelivery[];
  /** After which delivery the next page begins; null: this one is the last. */
  readonly next: DeliveryKey | null;
}

/** Throws PushError('PRUNED') if the deliveries of an announcement are deleted, or are being deleted. */
export async function checkExportable(
  { store }: Pick<Context, 'store'>,
  announcementId: number,
): Promise<void> {
  const prunedAt = (await fetchTotalsOf(store, announcementId)).audience?.prunedAt ?? null;
  if (prunedAt === null) return;
  const got = `${announcementId}, whose deliveries are deleted since ${toIso(prunedAt)}`;
  throw PushError.of('PRUNED', [
    { field: 'announcementId', expected: 'an announcement that has its deliveries', got },
  ]);
}

/** Reads one page of an export. */
export async function fetchExportPage(
  { store }: Pick<Context, 'store'>,
  announcement: Pick<Announcement, 'announcementId' | 'audience'>,
  options: ExportOptions,
  limit = EXPORT_PAGE,
): Promise<ExportPage> {
  const deliveries = await store.fetchExportPage(announcement, options, limit);
  return { deliveries, next: deliveries.length < limit ? null : (deliveries.at(-1) ?? null) };
}

export interface CsvFormat {
  readonly header: string;
  /** One line for each delivery, each with its line end. */
  readonly lines: (deliveries: readonly ExportedDelivery[]) => string;
}

/** Separators that some spreadsheets use in place of the comma: without quotes, what follows would be a cell of its own. */
const OTHER_SEPARATORS = /[;\t]/;

/** Text that stands in CSV as it is, whatever the spreadsheet: nearly all cells. The library takes five times as long for it. */
const PLAIN = /^\w[\w.:@/% -]*$/;

type Row = readonly (string | number | null)[];

/**
 * Opens the format of an export. Cells that a spreadsheet would run as formulas get an apostrophe in front: an app
 * that registers a device chooses its member id. The library is loaded here, because a push does not need it.
 */
export async function openCsvFormat({ withTargets }: Pick<ExportOptions, 'withTargets'>): Promise<CsvFormat> {
  const { stringify } = await import('csv-stringify/sync');
  const write = (rows: Row[]): string =>
    stringify(rows, { escape_formulas: true, quoted_match: OTHER_SEPARATORS });
  return {
    header: write([EXPORT_COLUMNS.filter((column) => withTargets || column !== 'target')]),
    lines(deliveries) {
      let text = '';
      let others: Row[] = [];
      for (const delivery of deliveries) {
        const row = makeRow(delivery, withTargets);
        if (!row.every(isPlain)) {
          others.push(row);
          continue;
        }
        if (others.length > 0) text += write(others);
        others = [];
        text += `${row.join(',')}\n`;
      }
      return others.length > 0 ? text + write(others) : text;
    },
  };
}

function makeRow(delivery: ExportedDelivery, withTargets: boolean): Row {
  const { memberId, deviceId, messageId, verdict, reason, recordedAt, attempts, messageName, target } =
    delivery;
  const row = [
    memberId,
    deviceId || null,
    messageId || null,
    verdict,
    reason,
    toIso(recordedAt),
    attempts,
    messageName,
  ];
  if (withTargets) row.push(target);
  return row;
}

function isPlain(cell: string | number | null): boolean {
  return typeof cell !== 'string' || PLAIN.test(cell);
}
