import type { Mark } from './content.ts';

/** What a phone reports of a push: that its app has received it, and that somebody has opened it. */
export const RECEIPT_EVENTS = ['delivered', 'opened'] as const;
export type ReceiptEvent = (typeof RECEIPT_EVENTS)[number];

/** The key in the data of a push by which its receipts name it. */
export const BATON_ID = 'baton_id';

/** One receipt, from outside: anybody may send one. */
export interface Receipt {
  /** 0: messages that are sent at once. */
  readonly announcementId: number;
  /** 0: the push carries the announcement's own content. */
  readonly messageId: number;
  /** The phone's own token or FID, which nobody else knows. */
  readonly target: string;
  readonly event: ReceiptEvent;
}

/** Number of receipts by event, each phone counted once. */
export type ReceiptCounts = Readonly<Record<ReceiptEvent, number>>;

export const NO_RECEIPTS: ReceiptCounts = { delivered: 0, opened: 0 };

/** The part of the configuration that says what pushes carry. */
export interface MarkConfig {
  readonly receipts: boolean;
  /** Absent: no source has Android apps whose delivery data is fetched. */
  readonly sources?: ReadonlyMap<string, { readonly androidApps: readonly string[] }>;
}

/**
 * What the pushes of an announcement or of a message carry to be followed; undefined: nothing. Messages that are sent at once
 * (announcement 0) have no label: FCM counts up to 100 labels a day.
 */
export function markOf(
  { receipts, sources }: MarkConfig,
  { announcementId, messageId = 0 }: { readonly announcementId: number; readonly messageId?: number },
): Mark | undefined {
  const label = announcementId > 0 ? { label: labelOf(announcementId) } : {};
  if (receipts) {
    return { batonId: messageId === 0 ? `${announcementId}` : `${announcementId}.${messageId}`, ...label };
  }
  const isFetched = [...(sources?.values() ?? [])].some(({ androidApps }) => androidApps.length > 0);
  return isFetched && announcementId > 0 ? label : undefined;
}

/** The analytics label of an announcement whose content gives none. */
export function labelOf(announcementId: number): string {
  return `baton-${announcementId}`;
}

const WHOLE = String.raw`0|[1-9]\d{0,15}`;
const PUSH_ID = new RegExp(String.raw`^(${WHOLE})(?:\.([1-9]\d{0,15}))?$`);

/** What a `baton_id` names; null for one that names no push. */
export function parseBatonId(id: string): Pick<Receipt, 'announcementId' | 'messageId'> | null {
  const [, announcement, message = '0'] = PUSH_ID.exec(id) ?? [];
  const [announcementId, messageId] = [Number(announcement), Number(message)];
  if (!Number.isSafeInteger(announcementId) || !Number.isSafeInteger(messageId)) return null;
  return announcementId + messageId === 0 ? null : { announcementId, messageId };
}
