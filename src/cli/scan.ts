import { systemClock } from '../clock.ts';
import { type LiveConfig, openConfig } from '../config/live.ts';
import { describeFailure } from '../errors.ts';
import { fetchAccessToken, openCredentials } from '../fcm/credentials.ts';
import { type Engine, startEngine } from '../local/engine.ts';
import { countOf } from '../words.ts';
import { defineCommand, type Input } from './command.ts';
import { ENGINE_OPTIONS } from './engine-options.ts';
import { LOCAL_HURRY, workerSettings } from './environment.ts';
import type { Terminal } from './terminal.ts';

export const scanCommand = defineCommand({
  description:
    'Run the schedule once, for cron: start the announcements that are due, wake hops that have stalled, ' +
    'and send everything on this machine.',
  examples: [['* * * * * cd /srv/baton && npm run -s baton scan', 'As a line of crontab']],
  options: ENGINE_OPTIONS,
  readsSecrets: true,
  async run(input, terminal) {
    const live = await openLiveConfig(terminal);
    const engine = await startTicking(input, live, terminal, false);
    try {
      await engine.invoke({ kind: 'scan' });
      await engine.lambda.idle();
      const { invocations, errors } = engine.lambda.stats();
      const checks = engine.checks();
      const also = checks === 0 ? '' : `${countOf(checks, 'check')} made, `;
      terminal.out(`${invocations - 1 - checks} hops run, ${also}${errors} errors\n`);
      return errors === 0 ? 0 : 1;
    } finally {
      await engine.close();
    }
  },
});

/** `openLiveConfig` reads the settings of the terminal, and its secrets anew when they change. PushError('BAD_CONFIG'). */
export function openLiveConfig({ env, readEnv = () => env }: Terminal): Promise<LiveConfig> {
  return openConfig(readEnv, systemClock);
}

/** `startTicking` starts the engine with the settings of the terminal. With `ticks` the schedule runs by itself. */
export async function startTicking(
  { options: { workers, verbose } }: Input<typeof ENGINE_OPTIONS>,
  live: LiveConfig,
  { err }: Terminal,
  ticks: boolean,
): Promise<Engine> {
  // Checked before any worker starts: a missing key is then one clear error, not one from each worker.
  for (const source of live.config.sources.values()) await fetchAccessToken(openCredentials(source));
  return startEngine({
    ...workerSettings(live, (error) => err(`secrets not read: ${describeFailure(error)}\n`)),
    workers,
    hurry: LOCAL_HURRY,
    ticks,
    onLog: (line) => {
      if (verbose) err(`${line}\n`);
    },
  });
}
