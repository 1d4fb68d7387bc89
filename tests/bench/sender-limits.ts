import { startMariaDb } from '../support/mariadb.ts';
import type { Cost, Way } from './sender-client.ts';
import { ask, openStage } from './sender-stage.ts';
import { median } from './sender-table.ts';

const MESSAGES = 10_000;
const WARM_UP_ROUNDS = 3;
const ROUNDS = 5;
const LATENCY_MS = 50;

/** The limit of each way's CPU time, as a part of sendEach's. */
const LIMITS: Readonly<Record<Way, number>> = { sendEach: 1, http2: 0.5, pipeline: 0.7 };

/**
 * Measures the CPU time of the sending process for each message, over TLS: firebase-admin's sendEach alone, the http2
 * transport, and a whole hop (page, send, record) over MariaDB. Each way has a process of its own, the sandbox another one.
 * The ways take turns, so that a busy machine affects all of them. Resolves to lines of text; the exit status says whether
 * a limit is exceeded.
 */
export async function measureLimits(): Promise<string[]> {
  const server = await startMariaDb();
  if (!server) throw new Error('mariadbd is not installed (Debian: mariadb-server)');
  const stage = await openStage();
  try {
    const { env } = await stage.startSandbox(LATENCY_MS, { share: 0, ms: 0 });
    const ways = Object.keys(LIMITS) as Way[];
    const clients = ways.map((way) =>
      stage.start('sender-client.ts', [way, String(MESSAGES)], {
        ...env,
        DATABASE_URL: `${server.url}/mysql`,
      }),
    );
    const costs = ways.map((): Cost[] => []);
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      for (const [nth, client] of clients.entries()) {
        const cost = await ask<Cost>(client, 'send');
        if (round >= WARM_UP_ROUNDS) costs[nth]?.push(cost);
      }
    }
    return report(ways, costs);
  } finally {
    await stage.close();
    await server.stop();
  }
}

function report(ways: readonly Way[], costs: readonly Cost[][]): string[] {
  const cpu = costs.map((rounds) => median(rounds.map(({ cpuUs }) => cpuUs)));
  const wall = costs.map((rounds) => median(rounds.map(({ wallUs }) => wallUs)));
  const lines = ways.map((way, nth) => {
    const [us = 0, base = 0] = [cpu[nth], cpu[0]];
    const ratio = us / base;
    const limit = LIMITS[way];
    const isHeld = ratio <= limit;
    if (!isHeld) process.exitCode = 1;
    return (
      `${way.padEnd(9)} ${us.toFixed(1)} us CPU and ${wall[nth]?.toFixed(0)} us in all for a message` +
      (nth === 0
        ? ''
        : `; CPU ${ratio.toFixed(2)} of sendEach, ${isHeld ? 'within' : 'BEYOND'} the limit of ${limit}`)
    );
  });
  return [
    `${MESSAGES} messages a round over TLS, answers after ${LATENCY_MS} ms; medians of ${ROUNDS} rounds`,
    ...lines,
  ];
}
