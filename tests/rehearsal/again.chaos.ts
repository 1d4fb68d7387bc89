import { expect, test } from 'vitest';
import { isFlawless } from '../../src/rehearsal/summary.ts';
import { makeDatabase } from '../support/database.ts';
import { rehearseHere } from '../support/rehearsal.ts';

test.each([
  ['a mailing', false],
  ['messages of a queue', true],
])(
  'a second rehearsal of %s in its own database sends new messages, and counts only those',
  async (_, isQueue) => {
    const database = await makeDatabase('sqlite', { migrated: false });
    for (const messages of [20, 10]) {
      const summary = await rehearseHere({
        database: database.url,
        devices: 12,
        messages,
        isQueue,
        hurry: 1,
      });
      expect(summary).toMatchObject({ status: 'done', messages, lost: 0, duplicated: 0, unknown: 0 });
      expect(summary.delivered).toBeGreaterThan(messages);
      expect(summary.delivered).toBeLessThan(2 * messages);
      expect(isFlawless(summary)).toBe(true);
    }
    await database.drop();
  },
);
