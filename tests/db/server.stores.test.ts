import { expect, test } from 'vitest';
import { describeStores } from './contract.ts';

await describeStores('the database server', ({ store }) => {
  test('says what it is', async () => {
    const server = await store.fetchServer();
    expect(server.version).toMatch(server.kind === 'sqlite' ? /^3\./ : /^\d+\.\d+/);
    expect(server.host).toBeNull();
  });
});
