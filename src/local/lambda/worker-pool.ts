import { type Ending, failed, type Invocation } from './invocation.ts';
import { startWorker, type Worker, type WorkerSettings } from './runtime.ts';

/** Workers that are kept warm. How many run at a time is the caller's to say. */
export interface WorkerPool {
  /** Runs it on an idle worker, or on a new one if none is idle. Never rejects. */
  run(invocation: Invocation): Promise<Ending>;
  /** Invocations that a worker is busy with now. */
  busy(): Invocation[];
  /** kill -9 for the worker that is busy with it. */
  kill(invocation: Invocation): void;
  /** Kills them all; resolves when they have ended. */
  close(): Promise<void>;
}

export function makeWorkerPool(settings: WorkerSettings): WorkerPool {
  const all = new Set<Worker>();
  /** The one used last comes first: the others may be left alone. */
  const idle: Worker[] = [];
  const busy = new Map<Invocation, Worker>();
  const starting = new Set<Promise<Worker>>();
  let closed = false;

  async function start(): Promise<Worker> {
    if (closed) throw new Error('the local Lambda is closed');
    const begun = startWorker(settings);
    starting.add(begun);
    const worker = await begun.finally(() => starting.delete(begun));
    all.add(worker);
    void worker.gone.then(() => {
      all.delete(worker);
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
    });
    return worker;
  }

  return {
    async run(invocation) {
      try {
        const worker = idle.pop() ?? (await start());
        busy.set(invocation, worker);
        const ending = await worker.run(invocation).finally(() => busy.delete(invocation));
        if (all.has(worker)) idle.push(worker);
        return ending;
      } catch (cause) {
        const message = `RequestId: ${invocation.requestId} Error: ${cause instanceof Error ? cause.message : String(cause)}`;
        const result = failed('crash', 'Runtime.ExitError', message);
        return { ...result, maxRssMb: 0, cpuMs: 0, logTail: '' };
      }
    },
    busy: () => [...busy.keys()],
    kill: (invocation) => busy.get(invocation)?.kill(),
    async close() {
      closed = true;
      await Promise.allSettled(starting);
      const ends = Array.from(all, (worker) => {
        worker.kill();
        return worker.gone;
      });
      await Promise.all(ends);
    },
  };
}
