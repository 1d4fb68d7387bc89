import type { NewAnnouncement } from '../../../src/model/announcement.ts';

/** The ways of sending that are measured beside each other. */
export const PEERS = [
  'baton',
  'sendEach-1',
  'sendEach-4',
  'sendEach-8',
  'fcm-v1-http2',
  'undici',
  'h2load',
] as const;

export type Peer = (typeof PEERS)[number];

/** The peers that are libraries of Node, each measured in a process of its own. */
export type NodePeer = Exclude<Peer, 'h2load'>;

export const PEER_TITLES: Readonly<Record<Peer, string>> = {
  baton: 'Baton, `http2`',
  'sendEach-1': '`sendEach`, 1 call at a time',
  'sendEach-4': '`sendEach`, 4 calls at once',
  'sendEach-8': '`sendEach`, 8 calls at once',
  'fcm-v1-http2': '`fcm-v1-http2`',
  undici: '`undici`, HTTP/2',
  h2load: 'h2load (C, a load generator)',
};

/** FCM's limits for each process that is measured: 1000 messages in flight. */
export const CONNECTIONS = 10;
export const STREAMS_PER_CONNECTION = 100;

/** Messages to send, one after the other, until the time is over. */
export interface Supply {
  /** Takes the targets of the next messages, at most `count`; none once the time is over. */
  take(count: number): readonly string[];
  /** Notes that FCM has accepted this many messages. */
  noteAccepted(count: number): void;
}

/** Sends until the supply ends; resolves when the last message is answered. */
export type Load = (supply: Supply) => Promise<void>;

/** What each peer sends. */
export const ANNOUNCEMENT: NewAnnouncement = {
  source: 'default',
  guarantee: 'at-least-once',
  ttlSeconds: 3600,
  dryRun: false,
  lanes: 1,
  content: { title: 'Back at 9', body: 'The shop opens late today.', image: null, data: {}, options: {} },
};

export const COLLAPSE_KEY = 'baton-1';

/** A target as long as the token of a real phone. */
export function targetOf(nth: number): string {
  return `bench-${nth}:`.padEnd(142, 'APA91b');
}

/** Runs `step` until it resolves to false, in `count` loops side by side. */
export async function repeatSideBySide(count: number, step: () => Promise<boolean>): Promise<void> {
  const repeat = async (): Promise<void> => {
    while (await step());
  };
  await Promise.all(Array.from({ length: count }, repeat));
}
