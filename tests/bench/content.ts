import { join } from 'node:path';
import { startMariaDb } from '../support/mariadb.ts';
import type { Texts } from './content-client.ts';
import type { Cost } from './sender-client.ts';
import { ask, openStage, type Stage } from './sender-stage.ts';
import { median } from './sender-table.ts';

const MEMBERS = 100_000;
const ROUNDS = 3;
const LATENCY_MS = 50;

/** What ten locales and a template may cost of a push, as a part of what plain text costs. */
const LIMIT = 1.5;

/**
 * Measures the CPU time of whole broadcasts (page, members, templates, send, record) for each message, over TLS: one text for
 * all, and ten locales with a template, to the same members. Both take turns in one process, the sandbox has another one.
 */
export async function benchContent(): Promise<void> {
  const members = Number(process.argv[3] ?? MEMBERS);
  const server = await startMariaDb();
  const stage = await openStage();
  try {
    process.stdout.write(`${members} members; medians of ${ROUNDS} broadcasts each\n`);
    await measure(stage, 'SQLite', join(stage.folder, 'baton.db'), members);
    if (server) await measure(stage, 'MariaDB', `${server.url}/mysql`, members);
  } finally {
    await stage.close();
    await server?.stop();
  }
}

async function measure(stage: Stage, name: string, url: string, members: number): Promise<void> {
  const sandbox = await stage.startSandbox(LATENCY_MS, { share: 0, ms: 0 });
  const client = stage.start('content-client.ts', [String(members)], { ...sandbox.env, DATABASE_URL: url });
  const costs: Record<Texts, number[]> = { plain: [], template: [] };
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const texts of ['plain', 'template'] as const) {
      const { cpuUs } = await ask<Cost>(client, texts);
      if (round > 0) costs[texts].push(cpuUs);
    }
  }
  client.kill();
  sandbox.stop();
  const [plain, template] = [median(costs.plain), median(costs.template)];
  const ratio = template / plain;
  if (ratio > LIMIT) process.exitCode = 1;
  const verdict = ratio > LIMIT ? 'BEYOND' : 'within';
  process.stdout.write(
    `${name.padEnd(7)} plain ${plain.toFixed(1)} us, ten locales and a template ${template.toFixed(1)} us of CPU for a ` +
      `message: ${ratio.toFixed(2)}, ${verdict} the limit of ${LIMIT}\n`,
  );
}
