import { cpus } from 'node:os';
import type { LambdaStats } from '../local/lambda/stats.ts';
import { findDatabaseProcess, readCpuSeconds } from './database-process.ts';

/** Who used the machine during a broadcast: it shows whether Baton or the machine was the limit. */
export interface CpuUse {
  /**
   * CPU seconds of this process: the sandbox, the local Lambda, and the reading of the progress. With SQLite this counts the
   * ledger here; MySQL counts it in its server.
   */
  readonly sandboxSeconds: number;
  /** CPU seconds of all workers, their start included; a worker that was killed counts up to its last answer. */
  readonly workerSeconds: number;
  /** CPU seconds of the MySQL server; null: SQLite, or a server that is not seen from here. */
  readonly databaseSeconds: number | null;
  readonly cores: number;
  /** Share of all cores that was busy, also with what is not part of the rehearsal. */
  readonly share: number;
}

interface Reading {
  readonly sandboxSeconds: number;
  readonly workerSeconds: number;
  readonly databaseSeconds: number | null;
  readonly busyMs: number;
  readonly totalMs: number;
}

/** `watchCpu` begins to measure; the function that it returns gives the use since then. */
export function watchCpu(
  { lambda }: { readonly lambda: { stats(): Pick<LambdaStats, 'workerCpuMs'> } },
  databaseUrl: string,
): () => CpuUse {
  const database = findDatabaseProcess(databaseUrl);
  const read = (): Reading => {
    const { user, system } = process.cpuUsage();
    return {
      sandboxSeconds: (user + system) / 1e6,
      workerSeconds: lambda.stats().workerCpuMs / 1000,
      databaseSeconds: database === null ? null : readCpuSeconds(database),
      ...readMachine(),
    };
  };
  const before = read();
  return () => subtract(read(), before);
}

function subtract(now: Reading, before: Reading): CpuUse {
  const { databaseSeconds } = now;
  // A server that was started again counts from zero: nothing is known of the time before.
  const hasBoth =
    databaseSeconds !== null && before.databaseSeconds !== null && databaseSeconds >= before.databaseSeconds;
  const totalMs = now.totalMs - before.totalMs;
  return {
    sandboxSeconds: round(now.sandboxSeconds - before.sandboxSeconds),
    workerSeconds: round(now.workerSeconds - before.workerSeconds),
    databaseSeconds: hasBoth ? round(databaseSeconds - (before.databaseSeconds ?? 0)) : null,
    cores: cpus().length,
    share: totalMs > 0 ? round((now.busyMs - before.busyMs) / totalMs) : 0,
  };
}

/** Busy and total time of all cores together, since the machine started. */
function readMachine(): Pick<Reading, 'busyMs' | 'totalMs'> {
  let busyMs = 0;
  let idleMs = 0;
  for (const { times } of cpus()) {
    busyMs += times.user + times.nice + times.sys + times.irq;
    idleMs += times.idle;
  }
  return { busyMs, totalMs: busyMs + idleMs };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
