import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { makeWorkplace, startBaton } from '../support/baton.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';
import { API_TOKEN } from '../support/events.ts';
import { receiptsTwice, sendToAll } from '../support/receipts.ts';

const DEVICES = 150;
const CONNECTIONS = 12;

describe.each(databaseKinds())('phones that report to serve, on %s', (kind) => {
  test('each of some hundred receipts counts once, though all are sent twice and many at the same time', async () => {
    await using here = await makeWorkplace();
    const database = await makeDatabase(kind);
    const store = await openStore(database.config, systemClock);
    const { announcementId, targets } = await sendToAll(store, DEVICES);
    const serving = await startBaton(
      ['serve', '--port', '0', '--workers', '1'],
      { ...here.env, DATABASE_URL: database.url, RECEIPTS: 'on', API_TOKEN },
      /listening on http:\S+, scheduler running/,
    );
    const address = /listening on (http:\S+),/.exec(serving.printed())?.[1] ?? '';
    const bodies = receiptsTwice(announcementId, targets);
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const replies = await Promise.all(bodies.map((body) => post(`${address}/receipts`, body, agent)));
    expect(replies).toEqual(
      bodies.map(({ receipts }) => ({ status: 202, body: { received: receipts.length } })),
    );
    expect((await store.fetchReceiptCounts([announcementId])).get(announcementId)).toEqual({
      delivered: DEVICES,
      opened: DEVICES,
    });
    agent.destroy();
    serving.kill('SIGTERM');
    expect(await once(serving, 'exit')).toEqual([0, null]);
    expect(serving.printed()).not.toContain('"level":"error"');
    await store.close();
    await database.drop();
  });
});

async function post(url: string, content: object, agent: Agent): Promise<{ status: number; body: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const sending = request(url, { method: 'POST', headers, agent }).end(JSON.stringify(content));
  const [response] = (await once(sending, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += String(part);
  return { status: response.statusCode ?? 0, body: JSON.parse(text) as unknown };
}
