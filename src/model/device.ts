import type { Platform } from './filter.ts';
import type { TopicKind } from './topic.ts';

/** A registration token or a Firebase installation id; FCM accepts both. */
export const TARGET_KINDS = ['token', 'fid'] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

/** The width of push_device.target. */
export const MAX_TARGET_LENGTH = 512;

/**
 * What targets look like today. FCM calls them opaque, so that this is a hint for files made by hand, no rule.
 * A fid: https://github.com/firebase/firebase-js-sdk/blob/main/packages/installations/src/helpers/generate-fid.ts
 */
export const TARGET_FORMS: Readonly<
  Record<TargetKind, { readonly pattern: RegExp; readonly words: string }>
> = {
  token: { pattern: /^[\w:-]{101,}$/, words: 'more than 100 letters, digits, -, _ or :' },
  fid: { pattern: /^[\w-]{22}$/, words: '22 letters, digits, - or _' },
};

/**
 * A FID has 22 characters, or fewer, and a token has more than 100. A hint, and no promise of FCM: what contradicts it is tried
 * the other way before it is believed. What is much shorter than a FID is neither.
 */
const MIN_FID_LENGTH = 16;
const MAX_FID_LENGTH = 22;

/** In a registration token of today, what comes before this is the FID of the same install. */
const FID_END = ':';

/** The FID that a token begins with; null if it begins with none. A hint, and no promise of FCM. */
export function fidOf(token: string): string | null {
  const end = token.indexOf(FID_END);
  return end > 0 && end <= MAX_FID_LENGTH ? token.slice(0, end) : null;
}

/** The range of texts that begin with a FID and the end of one, as the tokens of its install do: `from` is in it, `below` is not. */
export function tokensOf(fid: string): { readonly from: string; readonly below: string } {
  return { from: fid + FID_END, below: fid + String.fromCharCode(FID_END.charCodeAt(0) + 1) };
}

/** The kind that a target looks like, if its row says the other one; null if the row may be right. */
export function otherKindOf({
  target,
  targetKind,
}: Pick<Device, 'target' | 'targetKind'>): TargetKind | null {
  if (targetKind === 'fid' && target.length > MAX_FID_LENGTH) return 'token';
  const isShort = target.length >= MIN_FID_LENGTH && target.length <= MAX_FID_LENGTH;
  if (targetKind === 'token' && isShort && !target.includes(FID_END)) return 'fid';
  return null;
}

/** A target and its kind. */
export type Target = Pick<DeviceInTable, 'target' | 'targetKind'>;

/**
 * What has become of a device whose target FCM has refused.
 * - `replaced`: its row has another target by now.
 * - `superseded`: another row has a target of the same install, which gets pushes.
 */
export type Succession = 'replaced' | 'superseded';

/** Words that databases and programs write for the absence of a value. */
const NULL_WORD = /^(\\N|[([<]?null[)\]>]?|undefined|#N\/A)$/i;

/** True for a text that stands for no value, such as `NULL`: neither a target nor a member id. */
export function isNullWord(text: string): boolean {
  return NULL_WORD.test(text);
}

/** What a device says about itself. Absent: not said, or not read; null: not known. */
export interface DeviceTraits {
  readonly platform?: Platform | null;
  /** A language tag, such as `de` or `zh-TW`. */
  readonly locale?: string | null;
  /** An IANA time zone, such as `Europe/Berlin`. */
  readonly timeZone?: string | null;
  /** Numbers between dots, such as `4.12.0`. */
  readonly appVersion?: string | null;
  /** When the app was last used, in milliseconds since the epoch. */
  readonly lastSeenAt?: number | null;
}

/** A device that has no id yet. */
export interface NewDevice extends DeviceTraits {
  /** A person who knows a target can push to its device: it is never logged or shown. */
  readonly target: string;
  readonly targetKind: TargetKind;
  /** The team's own id of the device's owner; absent or null: not known. */
  readonly memberId?: string | null;
  /** True: it gets the test sends; absent: as it is. */
  readonly isTest?: boolean;
  /** True: it is a phone of the team that answers silent pushes; absent: as it is. */
  readonly isCanary?: boolean;
  /** The target that the same install had before: its row gets the new one, and keeps its id. */
  readonly replaces?: string;
  /** Values by the name of a tag; null takes the tag away. Tags that are not named stay. */
  readonly tags?: Readonly<Record<string, string | null>>;
}

/** A device that registers. Without a kind, its kind stays as it is; that of a new one is `token`. */
export interface Registration extends Omit<NewDevice, 'targetKind'> {
  readonly targetKind?: TargetKind;
}

/** A device that pushes can go to. Its id is auto-increment and is the cursor of a broadcast. */
export interface Device extends DeviceTraits {
  readonly deviceId: number;
  /** A person who knows a target can push to its device: it is never logged or shown. */
  readonly target: string;
  /** In the place of a device, a message may have the subscribers of a topic: device 0, whose target is the topic. */
  readonly targetKind: TargetKind | TopicKind;
  /** Read only where a template or a locale needs it. */
  readonly memberId?: string | null;
  /** Why nothing can be sent to the device as its row is; absent: it can. */
  readonly problem?: string;
}

/** Devices by what they say about themselves; null: they do not say it. */
export interface TraitCounts {
  readonly byPlatform: readonly { readonly platform: Platform | null; readonly devices: number }[];
  /** The most frequent locales, as the table has them; `null` is one of them. */
  readonly byLocale: readonly { readonly locale: string | null; readonly devices: number }[];
  /** Number of locales, without null. */
  readonly locales: number;
  readonly withTimeZone: number;
  readonly test: number;
  readonly canaries: number;
}

/** Number of devices by the kind of their target. */
export type KindCounts = Readonly<Record<TargetKind, number>>;

/** A device as its row says: no topic. */
export interface DeviceInTable extends Device {
  readonly targetKind: TargetKind;
}

/** True for a device of the table, false for a topic. */
export function isInTable<D extends Device>(device: D): device is D & DeviceInTable {
  return TARGET_KINDS.some((kind) => kind === device.targetKind);
}

/** What a person names a device by. */
export type DeviceName =
  | { readonly kind: 'id'; readonly deviceId: number }
  | { readonly kind: 'target'; readonly target: string }
  | { readonly kind: 'member'; readonly memberId: string };

/** What names devices of a test send: one device, a member's devices, or all that are marked as test devices. */
export type TestName = DeviceName | { readonly kind: 'test' };

/** What the table says of a device, without its target. Times are milliseconds since the epoch. */
export interface DeviceRecord extends Required<DeviceTraits> {
  readonly deviceId: number;
  readonly memberId: string | null;
  readonly isTest: boolean;
  readonly isCanary: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt: number | null;
  /** Since when it gets no pushes; null: it gets them. */
  readonly unregisteredAt: number | null;
  readonly unregisteredReason: string | null;
  /** The announcement that found it unregistered; 0: a message that was sent at once. */
  readonly unregisteredBy: number | null;
}
