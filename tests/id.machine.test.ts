import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';

const run = promisify(execFile);

/** Draws before the snapshot, as a warm environment has, and again in each process that starts from it. */
const PROGRAM = `
  import { randomUUID } from 'node:crypto';
  import { startupSnapshot } from 'node:v8';
  import { makeId } from './src/id.ts';
  makeId();
  randomUUID();
  startupSnapshot.setDeserializeMainFunction(() => {
    process.stdout.write(JSON.stringify({ own: makeId(), plain: randomUUID() }));
  });
`;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'baton-snapshot-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('two processes from one snapshot draw different ids, where crypto.randomUUID draws the same', async () => {
  const [program, snapshot] = [join(folder, 'program.cjs'), join(folder, 'snapshot.blob')];
  const stdin = { contents: PROGRAM, resolveDir: process.cwd(), loader: 'ts' } as const;
  await build({ stdin, outfile: program, bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' });
  await run(process.execPath, ['--snapshot-blob', snapshot, '--build-snapshot', program]);
  const start = async () => {
    const { stdout } = await run(process.execPath, ['--snapshot-blob', snapshot]);
    return JSON.parse(stdout) as { own: string; plain: string };
  };
  const [one, other] = [await start(), await start()];
  expect(one.plain).toBe(other.plain);
  expect(one.own).not.toBe(other.own);
});
