import type { Announcement } from '../model/announcement.ts';
import type { DeviceDelivery, DeviceMessage } from '../model/delivery.ts';
import type { DeviceRecord, TestName } from '../model/device.ts';
import type { TestDelivery } from '../model/message.ts';

/** What a person asks about one announcement or one device. Nothing on the way of a push calls it. */
export interface Explanations {
  /** The last id (inclusive; null: no end) of the lane of each hop of round 0, by the hop's first id. */
  fetchLaneEnds(announcementId: number): Promise<ReadonlyMap<number, number | null>>;
  /** Number of the ledger's rows in the page of each hop of round 0, by the hop's first id. It reads the whole ledger. */
  countByPage(
    announcement: Pick<Announcement, 'announcementId' | 'audience'>,
  ): Promise<ReadonlyMap<number, number>>;
  /** The devices with this id, target or member, or all test devices, unregistered or not, by id; at most `limit`. */
  findDevices(name: TestName, limit: number): Promise<DeviceRecord[]>;
  /** What became of these announcements' own pushes to a device, the latest announcement first. Those of messages are absent. */
  fetchDeviceDeliveries(deviceId: number, announcementIds: readonly number[]): Promise<DeviceDelivery[]>;
  /** What became of test sends to a device, the latest first; at most `limit`. */
  fetchTestDeliveries(deviceId: number, limit: number): Promise<TestDelivery[]>;
  /**
   * The messages to a device or to its member (null: none), the latest first, at most `limit`. Only the latest `maxSearched`
   * messages of all are looked through: none is found by its recipient.
   */
  fetchDeviceMessages(
    device: { readonly deviceId: number; readonly memberId: string | null },
    maxSearched: number,
    limit: number,
  ): Promise<DeviceMessage[]>;
}
