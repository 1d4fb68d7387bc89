import { messageOf } from '../../errors.ts';
import { type Ending, failure, type Invocation } from './invocation.ts';
import { startWorker, type Worker, type WorkerSettings } from './runtime.ts';

/** Workers that are kept warm. The caller limits how many of them are busy. */
export interface WorkerPool {
  /** Runs the invocation on an idle worker, or on a new one if none is idle. Never rejects. */
  run(invocation: Invocation): Promise<Ending>;
  /** Invocations that are running now. */
  busy(): Invocation[];
  /** Ends the worker of this invocation with kill -9. */
  kill(invocation: Invocation): void;
  /** Ends all workers; resolves once they have ended. */
  close(): Promise<void>;
}

export function makeWorkerPool(settings: WorkerSettings): WorkerPool {
  const all = new Set<Worker>();
  /** The worker used last is taken first, so that few workers stay busy. */
  const idle: Worker[] = [];
  const busy = new Map<Invocation, Worker>();
  const starting = new Set<Promise<Worker>>();
  let isClosed = false;

  async function startOne(): Promise<Worker> {
    if (isClosed) throw new Error('the local Lambda is closed');
    const start = startWorker(settings);
    starting.add(start);
    const worker = await start.finally(() => starting.delete(start));
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
        const worker = idle.pop() ?? (await startOne());
        busy.set(invocation, worker);
        const ending = await worker.run(invocation).finally(() => busy.delete(invocation));
        if (all.has(worker)) idle.push(worker);
        return ending;
      } catch (cause) {
        const message = `RequestId: ${invocation.requestId} Error: ${messageOf(cause)}`;
        const result = failure('crash', 'Runtime.ExitError', message);
        return { ...result, maxRssMb: 0, cpuMs: 0, logTail: '' };
      }
    },
    busy: () => [...busy.keys()],
    kill: (invocation) => busy.get(invocation)?.kill(),
    async close() {
      isClosed = true;
      await Promise.allSettled(starting);
      const ends = Array.from(all, (worker) => {
        worker.kill();
        return worker.gone;
      });
      await Promise.all(ends);
    },
  };
}
