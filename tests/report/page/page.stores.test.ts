import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../../src/broadcast/hop.ts';
import { scan } from '../../../src/broadcast/scan.ts';
import { systemClock } from '../../../src/clock.ts';
import { openStore } from '../../../src/db/open.ts';
import { firstJob } from '../../../src/job.ts';
import type { Store } from '../../../src/store.ts';
import { makeApi, type TestApi } from '../../support/api.ts';
import { delivered, draft, madeUpDevices, outcome } from '../../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../../support/database.ts';
import { makeRequest } from '../../support/events.ts';

describe.each(databaseKinds())('the report page, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;
  let api: TestApi;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(23));
    api = makeApi(store, {
      answer: ({ deviceId }) => (deviceId === 4 ? outcome('unregistered', 'UNREGISTERED') : delivered),
    });
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  function ask(id: number, method = 'GET') {
    return api.send(makeRequest({ method, path: `/announcements/${id}/report` }));
  }

  async function broadcast(content = draft.content): Promise<number> {
    const announcementId = await store.createAnnouncement({ ...draft, content });
    await store.scheduleAnnouncement(announcementId, 0);
    await scan(api.ctx);
    api.ctx.invoked.splice(0);
    // The list grows while it is walked.
    api.ctx.invoked.push(firstJob(announcementId));
    for (const job of api.ctx.invoked) if (job.kind === 'broadcast') await runHop(api.ctx, job);
    return announcementId;
  }

  test('it has the numbers of the hops, links to the deliveries, and no target', async () => {
    await broadcast();
    const announcementId = await broadcast();
    const { statusCode, headers, body } = await ask(announcementId);
    expect({ statusCode, headers }).toMatchObject({
      statusCode: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': expect.stringContaining("default-src 'none'") as string,
        'x-content-type-options': 'nosniff',
      },
    });
    expect(body).toContain('of 22 phones in');
    expect(body).toContain(`href="/announcements/${announcementId}/deliveries.csv?verdict=delivered"`);
    expect(body).toContain('Compared with the last announcement of default');
    expect(body).not.toContain('target-');
  });

  test('its content is hostile, and stays text', async () => {
    const title = '"><script>alert(1)</script>';
    const { body } = await ask(await broadcast({ ...draft.content, title }));
    expect(body).not.toContain('<script');
    expect(body).toContain('&lt;script>');
  });

  test('a draft has a page, HEAD has no body, and an unknown id is refused', async () => {
    const id = await store.createAnnouncement(draft);
    expect((await ask(id)).body).toContain('Not started yet.');
    expect(await ask(id, 'HEAD')).toMatchObject({ statusCode: 200, body: '' });
    expect(await ask(id + 1)).toMatchObject({ statusCode: 404 });
  });
});
