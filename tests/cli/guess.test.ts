import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { gunzipped } from '../../src/cli/gunzip.ts';
import { refuseExports } from '../../src/cli/movers/guess.ts';
import { inChunks } from '../support/device-file.ts';
import { makeToken } from '../support/targets.ts';

const TOKEN = makeToken('a');

async function read(content: Uint8Array): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await refuseExports(gunzipped(inChunks(content, 20)))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test.each([
  [`id,identifier,session_count,device_type\n1,${TOKEN},7,1\n`, 'onesignal', 'OneSignal'],
  [`"Identifier";"Device Type"\n"${TOKEN}";"1"\n`, 'onesignal', 'OneSignal'],
  [`{"Id":"x","ChannelType":"GCM","Address":"${TOKEN}"}\n`, 'pinpoint', 'Pinpoint'],
  [`[{"_id":"1","tk":{"ap":"${TOKEN}"}},`.padEnd(100_000, ' '), 'countly', 'Countly'],
  [`{\n  "_id": "1",\n  "tk": {"ap": "${TOKEN}"}\n}\n`, 'countly', 'Countly'],
  [`\n {"users": {"u-1": {"fcmTokens": ["${TOKEN}"]}}}`, 'firebase', 'Firebase'],
  ['instance_id,sdk_platform\nx,ANDROID\n', 'firebase', 'Firebase'],
])(
  'a file that begins like the export of a service is refused with its name: %#',
  async (text, name, title) => {
    for (const content of [Buffer.from(text), gzipSync(text), Buffer.from(`\ufeff${text}`, 'utf16le')]) {
      await expect(read(content)).rejects.toMatchObject({
        code: 'BAD_INPUT',
        message: `FILE: expected a CSV file with a column named token or fid (or --from ${name}), got what looks like an export of ${title}`,
      });
    }
  },
);

test.each([
  '',
  'token,identifier,device_type\na,1,1\n',
  'sep=;\nfid;instance_id\na;1\n',
  'name,email\nx,y\n',
  `${TOKEN},{"tk":1}\n`.repeat(200),
])('any other file is given on as it is: %#', async (text) => {
  expect((await read(Buffer.from(text))).toString()).toBe(text);
});
