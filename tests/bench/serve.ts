import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { MAIN } from '../support/baton.ts';

/** Starts `baton serve` in a process of its own. */
export async function serve(env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--workers', '1'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const address = Promise.withResolvers<string>();
  child.stderr.on('data', (text) => {
    const found = /listening on (http:\S+),/.exec(String(text))?.[1];
    if (found) address.resolve(found);
    else process.stderr.write(String(text));
  });
  child.once('exit', (status) => address.reject(new Error(`serve ended with status ${status}`)));
  const { pid = 0 } = child;
  return {
    address: await address.promise,
    cpuSeconds: () => readCpuSeconds(pid),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** User and system time so far, from Linux's proc(5): hundredths of a second. */
function readCpuSeconds(pid: number): number {
  const [user = 0, system = 0] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .split(') ')[1]!
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}
