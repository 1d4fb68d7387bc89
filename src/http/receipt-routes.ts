import * as z from 'zod';
import { MAX_TARGET_LENGTH } from '../model/device.ts';
import { RECEIPT_EVENTS } from '../model/receipt.ts';
import { wholeNumber } from '../parse.ts';
import { takeReceipts } from '../receipts/take-receipts.ts';
import { makeRoute, type Route } from './route.ts';

const MAX_RECEIPTS = 500;

const LIST = `1 to ${MAX_RECEIPTS} receipts`;
const ID = 'the baton_id of the push: 1 to 64 letters, digits or .-';
const TARGET = `the phone's own token or FID: 1 to ${MAX_TARGET_LENGTH} visible ASCII characters`;
const EVENT = RECEIPT_EVENTS.join(' or ');

const receipt = z.strictObject(
  {
    id: z
      .union([z.string({ error: ID }), z.int().transform(String)], { error: ID })
      .pipe(z.string().regex(/^[\w.-]{1,64}$/, { error: ID })),
    messageId: wholeNumber(0).nullish().describe('the message, if id names only its announcement'),
    target: z
      .string({ error: TARGET })
      .max(MAX_TARGET_LENGTH, { error: TARGET })
      .regex(/^[\x21-\x7e]+$/, { error: TARGET }),
    event: z.enum(RECEIPT_EVENTS, { error: EVENT }),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? 'no such field' : 'a receipt') },
);

const take = makeRoute({
  method: 'POST',
  path: '/receipts',
  summary:
    'Apps report which pushes they have received and opened; only with RECEIPTS=on. The target of the phone proves who it is. ' +
    'The reply is the same whether it is known or not.',
  isOpen: true,
  isForOtherOrigins: true,
  isServed: ({ receipts }) => receipts,
  scope: null,
  body: z.strictObject(
    {
      receipts: z.array(receipt, { error: LIST }).min(1, { error: LIST }).max(MAX_RECEIPTS, { error: LIST }),
    },
    { error: 'no such field' },
  ),
  replies: {
    202: { description: 'The receipts are taken.', body: z.object({ received: z.int() }) },
  },
  async run(ctx, { body: { receipts } }) {
    await takeReceipts(ctx, receipts);
    return { status: 202, body: { received: receipts.length } };
  },
});

export const RECEIPT_ROUTES: readonly Route[] = [take];
