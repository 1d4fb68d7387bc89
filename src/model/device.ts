/** A registration token or a Firebase installation id; FCM accepts both. */
export const TARGET_KINDS = ['token', 'fid'] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

/** The width of push_device.target. */
export const MAX_TARGET_LENGTH = 512;

/** A device that has no id yet. */
export interface NewDevice {
  /** Whoever knows a target can push to its device: it is never logged or shown. */
  readonly target: string;
  readonly targetKind: TargetKind;
  /** The team's own id of the device's owner; absent or null: not known. */
  readonly memberId?: string | null;
}

/** A device that pushes can go to. Its id is auto-increment and is the cursor of a broadcast. */
export interface Device extends Omit<NewDevice, 'memberId'> {
  readonly deviceId: number;
  /** Why nothing can be sent to the device as its row is; absent: it can. */
  readonly problem?: string;
}
