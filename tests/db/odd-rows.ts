import type { Delivery } from '../../src/model/delivery.ts';
import type { NewMessage } from '../../src/model/message.ts';
import { draft, toDevice } from '../support/context.ts';

/** Text that ends a string literal where a backslash does not escape, and text that ends one where quotes are doubled. */
export const HOSTILE = [
  "x', user(), null, 0x7b7d, 0x7b7d, null, 0, 0x78, utc_timestamp(), utc_timestamp(), utc_timestamp()) -- ",
  "\\', user(), null, 0x7b7d, 0x7b7d, null, 0, 0x78, utc_timestamp(), utc_timestamp(), utc_timestamp()) -- ",
  "\\\\'); -- ",
  '", user()); --',
  '`; /*',
];

export const messageOf = (title: string, nth: number): NewMessage => ({
  ...{ messageKey: `key-${nth}`, source: 'default', recipient: toDevice(1), ttlSeconds: null },
  content: { ...draft.content, title, body: 'Grüße 🎉 ключ' },
});

/** An answer with the longest texts that the ledger takes. */
export const longAnswer = (deviceId: number): Delivery => ({
  ...{ deviceId, verdict: 'unregistered', reason: 'é'.repeat(100), messageName: 'é'.repeat(255) },
  retryInMs: null,
});
