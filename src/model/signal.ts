/**
 * What Baton observes in passing, once a day and source.
 * - `header`: a header by which a service announces a change; the name says the service and the header, the value is its own.
 * - `targets`: how many devices have a token and how many a FID, as JSON.
 * - `key`: the first day on which Baton saw a service account's key; the name is a part of the hash of the key's id.
 * - `delivery`: what FCM's Data API says of an analytics label on that day, as JSON.
 */
export const SIGNAL_KINDS = ['header', 'targets', 'key', 'delivery'] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];

/** The services whose answers Baton reads. */
export const SERVICES = ['fcm', 'google-token', 'lambda', 'secrets-manager', 'sns'] as const;
export type Service = (typeof SERVICES)[number];

/** The headers by which a service announces that something ends. */
export const ANNOUNCING_HEADERS = ['deprecation', 'sunset', 'warning', 'link'] as const;
export type AnnouncingHeader = (typeof ANNOUNCING_HEADERS)[number];

export interface NewSignal {
  readonly kind: SignalKind;
  /** The source that it is about; an empty text: none. */
  readonly source: string;
  /** Visible ASCII; one signal of a name a day. */
  readonly name: string;
  readonly value: string;
  /** The day that it is about, such as `2026-11-26`; absent: today in UTC. */
  readonly day?: string;
  /** How often it was observed; absent: once. */
  readonly times?: number;
}

export interface Signal extends Required<NewSignal> {
  /** When it was observed last, in milliseconds since the epoch. */
  readonly seenAt: number;
}
