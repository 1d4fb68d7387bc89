import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, inject, test } from 'vitest';
import { watchCpu } from '../../src/rehearsal/cpu.ts';
import { findDatabaseProcess, readCpuSeconds } from '../../src/rehearsal/database-process.ts';

const mysqlUrl = inject('mysqlUrl');
const isLinux = process.platform === 'linux';

test('the CPU time of this process and of the workers is that since the beginning, of all cores', () => {
  let workerCpuMs = 5000;
  const read = watchCpu({ lambda: { stats: () => ({ workerCpuMs }) } }, '/a/file.db');
  const { user, system } = process.cpuUsage();
  workerCpuMs += 1234;
  for (let spent = 0; spent < 50_000;) {
    const now = process.cpuUsage();
    spent = now.user + now.system - user - system;
  }
  const { sandboxSeconds, workerSeconds, databaseSeconds, cores, share } = read();
  expect(sandboxSeconds).toBeGreaterThanOrEqual(0.05);
  expect(sandboxSeconds).toBeLessThan(process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6);
  expect(workerSeconds).toBe(1.234);
  expect(databaseSeconds).toBeNull();
  expect(cores).toBeGreaterThanOrEqual(1);
  expect(share).toBeGreaterThanOrEqual(0);
  expect(share).toBeLessThanOrEqual(1);
});

test.runIf(mysqlUrl !== null && isLinux)('the server of a local MySQL database is found by its port', () => {
  const pid = findDatabaseProcess(mysqlUrl ?? '');
  // A server in a container, or of another user, cannot be seen.
  if (pid !== null) expect(readCpuSeconds(pid)).toBeGreaterThan(0);
  const read = watchCpu({ lambda: { stats: () => ({ workerCpuMs: 0 }) } }, mysqlUrl ?? '');
  const { databaseSeconds } = read();
  expect(databaseSeconds === null).toBe(pid === null);
});

test.each(['/a/file.db', 'mysql://user@db.example.com/x', 'mysql://user@127.0.0.1:1/x', 'mysql://[', ''])(
  'no process is found for %j',
  (url) => {
    expect(findDatabaseProcess(url)).toBeNull();
  },
);

test.runIf(isLinux)('a process that has ended has no CPU time', async () => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  const { pid = 0 } = child;
  await once(child, 'exit');
  expect(readCpuSeconds(pid)).toBeNull();
  expect(readCpuSeconds(process.pid)).toBeGreaterThan(0);
});
