import { systemClock } from '../clock.ts';
import type { Context } from '../context.ts';
import { openServices } from '../handler.ts';
import { terminalActor } from './actor.ts';
import { openLiveConfig } from './scan.ts';
import type { Terminal } from './terminal.ts';

/** Runs work in this process with the function's own services, as in an invocation that ends in `forMs`; then closes them. */
export async function withTerminalContext<T>(
  terminal: Terminal,
  { forMs, verbose }: { readonly forMs: number; readonly verbose: boolean },
  work: (ctx: Context) => Promise<T>,
): Promise<T> {
  const log = (line: string): void => {
    if (verbose) terminal.err(`${line}\n`);
  };
  const services = await openServices(terminal.env, log, systemClock, openLiveConfig(terminal));
  const until = performance.now() + forMs;
  const ctx: Context = {
    ...services,
    requestId: crypto.randomUUID(),
    functionName: '',
    actor: terminalActor(),
    remainingMs: () => Math.max(0, until - performance.now()),
  };
  try {
    return await work(ctx);
  } finally {
    services.invoker.close();
    await services.senders.close();
    await services.store.close();
  }
}
