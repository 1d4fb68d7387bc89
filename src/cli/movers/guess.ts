import { normalizeName } from '../csv-header.ts';
import { NAMES } from '../device-columns.ts';
import { refuse } from '../options.ts';
import { peek } from '../peek.ts';
import { findEncoding, HEAD_BYTES } from '../text-encoding.ts';
import { FIREBASE_NAMES } from './firebase.ts';
import type { MoverName } from './movers.ts';
import { REQUIRED } from './onesignal.ts';

const TITLES: Readonly<Record<MoverName, string>> = {
  onesignal: 'OneSignal',
  pinpoint: 'Pinpoint',
  countly: 'Countly',
  firebase: 'Firebase',
};

/** Enough for the header of an export, or for its first object. */
const BYTES_READ = 4096;

const OWN_NAMES = [...NAMES.token, ...NAMES.fid].map(normalizeName);
const ONESIGNAL_NAMES = REQUIRED.map(normalizeName);
const FIREBASE_TARGETS = [...FIREBASE_NAMES.token, ...FIREBASE_NAMES.fid].map(normalizeName);

/**
 * `refuseExports` gives the chunks of a file on, unless it begins like the export of a service: PushError('BAD_INPUT') then
 * says which name to pass for --from.
 */
export async function refuseExports(chunks: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer>> {
  const { head, chunks: all } = await peek(chunks, BYTES_READ);
  const name = guessService(head);
  if (name === null) return all;
  const expected = `a CSV file with a column named token or fid (or --from ${name})`;
  throw refuse('FILE', expected, `what looks like an export of ${TITLES[name]}`);
}

/** `guessService` finds the service whose export begins so; null: none, or a file with Baton's own columns. */
function guessService(head: Buffer): MoverName | null {
  const encoding = findEncoding(head.subarray(0, HEAD_BYTES));
  if (encoding === null) return null;
  const text = encoding.toCharacters(head.subarray(encoding.markLength)).trimStart();
  if (/^[[{]/.test(text)) {
    if (/"ChannelType"\s*:/.test(text)) return 'pinpoint';
    return /"tk"\s*:/.test(text) ? 'countly' : 'firebase';
  }
  const names = text
    .slice(0, text.search(/[\r\n]|$/))
    .split(/[,;\t|]/)
    .map(normalizeName);
  if (OWN_NAMES.some((each) => names.includes(each))) return null;
  if (ONESIGNAL_NAMES.every((each) => names.includes(each))) return 'onesignal';
  return FIREBASE_TARGETS.some((each) => names.includes(each)) ? 'firebase' : null;
}
