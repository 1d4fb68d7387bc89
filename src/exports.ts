import type { Announcement } from './model/announcement.ts';
import type { PushId, Recorded, Verdict } from './model/delivery.ts';

/** Deliveries for a person or another program to read. */
export interface Exports {
  /** Deliveries of an announcement in the order of their ids, after that of `after`. */
  fetchExportPage(
    announcement: Pick<Announcement, 'announcementId' | 'audience'>,
    options: ExportOptions,
    limit: number,
  ): Promise<ExportedDelivery[]>;
}

export interface ExportOptions {
  /** Empty: every verdict. */
  readonly verdicts: readonly Verdict[];
  readonly after: DeliveryKey;
  /** True: with the devices' targets. */
  readonly withTargets: boolean;
}

/** What names a delivery within its announcement; the message id is 0 for the announcement's own content. */
export type DeliveryKey = Required<PushId>;

/** A delivery, and whom it is for. */
export interface ExportedDelivery extends DeliveryKey, Pick<Recorded, 'verdict' | 'reason' | 'messageName'> {
  readonly memberId: string | null;
  /** Milliseconds since the epoch. */
  readonly recordedAt: number;
  readonly attempts: number;
  /** Null: the device is deleted, or its target was not asked for. */
  readonly target: string | null;
}
