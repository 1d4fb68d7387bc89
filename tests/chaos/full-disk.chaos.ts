import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { COMPLETE, rehearseThrough } from '../support/faulty-rehearsal.ts';
import { mountSmallDisk } from '../support/tmpfs.ts';

const FULL_MS = 10_000;

const trial = mountSmallDisk(1);
trial?.unmount();
const canMount = trial !== null;
if (!canMount) {
  const words = 'a small tmpfs cannot be mounted here (root can)';
  if (process.env['CI'] && process.getuid?.() === 0) throw new Error(`${words}; in CI its test must run`);
  process.stderr.write(`\n*** ${words}: THE TEST OF A FULL DISK IS SKIPPED ***\n\n`);
}

test.skipIf(!canMount)(
  'SQLite on a full disk for 10 s: nobody is lost, and nobody pushed twice',
  { timeout: 180_000 },
  async () => {
    const disk = mountSmallDisk(64)!;
    const folder = mkdtempSync(join(tmpdir(), 'baton-full-'));
    // The log of the sandbox is beside the link, and not on the full disk.
    const file = join(folder, 'baton.db');
    symlinkSync(join(disk.folder, 'baton.db'), file);
    try {
      const { summary, errors } = await rehearseThrough(file, async () => {
        const database = new DatabaseSync(file);
        // Otherwise the log of SQLite has room for the rest of the broadcast.
        database.exec('PRAGMA busy_timeout = 1000; PRAGMA wal_checkpoint(TRUNCATE)');
        database.close();
        for (const startedAt = performance.now(); performance.now() - startedAt < FULL_MS; await sleep(100)) {
          disk.fill();
        }
        disk.free();
      });
      expect(errors).toContain('database or disk is full');
      expect(errors).not.toContain('cannot rollback');
      expect(summary).toMatchObject({ ...COMPLETE, duplicated: 0 });
    } finally {
      rmSync(folder, { recursive: true });
      disk.unmount();
    }
  },
);
