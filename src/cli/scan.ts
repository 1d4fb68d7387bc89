import { availableParallelism } from 'node:os';
import { parseConfig } from '../config/config.ts';
import { fetchAccessToken, openCredentials } from '../fcm/credentials.ts';
import { type Engine, startEngine } from '../local/engine.ts';
import type { Args, Command, Option, Terminal } from './command.ts';
import { LOCAL_HURRY, workerEnvironment } from './environment.ts';

export const ENGINE_OPTIONS: Readonly<Record<string, Option>> = {
  workers: { value: 'N', default: String(2 * availableParallelism()), help: 'invocations at a time' },
  verbose: { help: "print the function's log as it comes" },
};

export const scanCommand: Command = {
  summary: 'Tick once, for any cron: start what is due, wake what stalled, and push it all on this machine.',
  options: ENGINE_OPTIONS,
  async run(args, terminal) {
    const engine = await startTicking(args, terminal, false);
    try {
      await engine.invoke({ kind: 'scan' });
      await engine.lambda.idle();
      const { invocations, errors } = engine.lambda.stats();
      terminal.out(`${invocations - 1} hops run, ${errors} errors\n`);
      return errors === 0 ? 0 : 1;
    } finally {
      await engine.close();
    }
  },
};

/** The engine with the terminal's configuration, whose schedule ticks by itself if `ticks`. */
export async function startTicking(args: Args, { env, err }: Terminal, ticks: boolean): Promise<Engine> {
  const config = parseConfig(env);
  const workers = args.whole('workers', 1, 1000);
  // Asked first, so that a missing key is one clear message and not one of each worker.
  for (const source of config.sources.values()) await fetchAccessToken(openCredentials(source));
  return startEngine({
    env: workerEnvironment(env, config),
    workers,
    hurry: LOCAL_HURRY,
    ticks,
    onLog: (line) => {
      if (args.flag('verbose')) err(`${line}\n`);
    },
  });
}
