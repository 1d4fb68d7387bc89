import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

test.each(databaseKinds())(
  'two processes that migrate %s at the same time create the tables once',
  async (kind) => {
    const fresh = await makeDatabase(kind, { migrated: false });
    await expect(openStore(fresh.config, systemClock)).rejects.toThrow('got 0: run `baton migrate`');
    const migrate = async () => {
      const env = { ...process.env, DATABASE_URL: fresh.url };
      return (await promisify(execFile)(process.execPath, [MAIN, 'migrate'], { env })).stdout;
    };
    const outputs = await Promise.all([migrate(), migrate()]);
    expect(outputs.toSorted()).toEqual([
      'applied 001-broadcast\napplied 002-guarantee\napplied 003-snapshot\napplied 004-retry\napplied 005-spread\napplied 006-summary\napplied 007-alert\napplied 008-aim\napplied 009-notice\n',
      'nothing to do\n',
    ]);
    await (await openStore(fresh.config, systemClock)).close();
    await fresh.drop();
  },
);
