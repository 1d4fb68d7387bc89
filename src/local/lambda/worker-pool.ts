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

/** With so many invocations at work, one more worker is started than they need. */
const MIN_BUSY_FOR_SPARE = 2;

/**
 * Makes a pool of at most `maxWorkers`. Like Lambda, which may initialize a function ahead of its invocations, it starts a
 * spare worker when several are busy: a chain of hops does not wait for one start after another.
 */
export function makeWorkerPool(settings: WorkerSettings, maxWorkers: number): WorkerPool {
  const all = new Set<Worker>();
  /** The worker used last is taken first, so that few workers stay busy. */
  const idle: Worker[] = [];
  const busy = new Map<Invocation, Worker>();
  const starting = new Set<Promise<Worker>>();
  let spare: Promise<Worker> | null = null;
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

  /** An idle worker, the spare one, or a new one. */
  async function takeWorker(): Promise<Worker> {
    const worker = idle.pop();
    if (worker) return worker;
    const start = spare ?? startOne();
    spare = null;
    return start;
  }

  function startSpare(): void {
    if (isClosed || busy.size < MIN_BUSY_FOR_SPARE || idle.length > 0 || spare !== null) return;
    if (all.size + starting.size >= maxWorkers) return;
    const start = startOne();
    spare = start;
    start.then(
      (worker) => {
        if (spare === start && all.has(worker)) idle.push(worker);
        if (spare === start) spare = null;
      },
      () => {
        if (spare === start) spare = null;
      },
    );
  }

  return {
    async run(invocation) {
      try {
        const worker = await takeWorker();
        busy.set(invocation, worker);
        startSpare();
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
