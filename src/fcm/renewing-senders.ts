import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import type { LiveConfig } from '../config/live.ts';
import type { Batch, Clock, OnOutcome, Sender, Senders } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Outcome } from '../model/delivery.ts';

/** A source whose credentials stay refused is not opened anew for every batch. */
const MIN_REOPEN_MS = 10_000;

interface Opened {
  readonly config: Config;
  readonly client: Senders;
  readonly openedAt: number;
}

/**
 * Makes senders for a process that outlives its credentials: if Google refuses them, the secrets are read anew, the source is
 * opened anew, and what was refused is sent once more. A file is read again at each opening.
 */
export function makeRenewingSenders(
  live: LiveConfig,
  clock: Clock,
  make: (config: Config) => Senders,
): Senders {
  const open = (config: Config): Opened => ({ config, client: make(config), openedAt: clock.now() });
  let current = open(live.config);
  const old: Senders[] = [];

  /** Resolves to false if there are no other credentials than those that were refused. */
  async function renew(refused: Opened, source: string): Promise<boolean> {
    const config = await live.fetch(0).catch(() => live.config);
    if (current !== refused) return true;
    const credentials = config.sources.get(source)?.credentials;
    const isSame = isDeepStrictEqual(credentials, refused.config.sources.get(source)?.credentials);
    const isFile = credentials?.kind === 'file' && clock.now() - refused.openedAt >= MIN_REOPEN_MS;
    if (isSame && !isFile) return false;
    // Batches of other callers may be in flight on its connections: they are closed at the end.
    old.push(refused.client);
    current = open(config);
    return true;
  }

  async function attempt<T>(source: string, work: (sender: Sender) => Promise<T>): Promise<T> {
    const used = current;
    try {
      return await work(await used.client.of(source));
    } catch (error) {
      const isRefusal = error instanceof PushError && error.code === 'BAD_CREDENTIALS';
      if (!isRefusal || !(await renew(used, source))) throw error;
      return work(await current.client.of(source));
    }
  }

  async function send(
    source: string,
    batch: Batch,
    signal: AbortSignal,
    onOutcome?: OnOutcome,
  ): Promise<Outcome[]> {
    const used = current;
    // A refusal is no outcome yet: it may be sent again.
    const pass: OnOutcome = (nth, outcome) => {
      if (!isRefused(outcome)) onOutcome?.(nth, outcome);
    };
    const outcomes = await attempt(source, (sender) => sender.send(batch, signal, pass));
    if (!outcomes.some(isRefused) || signal.aborted || !(await renew(used, source))) return outcomes;
    const refused = batch.devices.filter((_, nth) => isRefused(outcomes[nth]));
    try {
      const sender = await current.client.of(source);
      const again = (await sender.send({ ...batch, devices: refused }, signal)).values();
      return outcomes.map((outcome) => (isRefused(outcome) ? (again.next().value ?? outcome) : outcome));
    } catch {
      // Nothing was sent again: the first answers say why.
      return outcomes;
    }
  }

  return {
    of: (source) =>
      attempt(source, async ({ callSize }) => ({
        callSize,
        send: (batch, signal, onOutcome) => send(source, batch, signal, onOutcome),
        close: async () => {},
      })),
    check: (source) => current.client.check(source),
    async close() {
      await Promise.all([...old, current.client].map((senders) => senders.close()));
    },
  };
}

/** True for FCM's answer to an access token that is not valid: the message was not looked at. */
function isRefused(outcome: Outcome | undefined): boolean {
  return outcome?.verdict === 'misconfigured' && outcome.reason?.startsWith('HTTP_401') === true;
}
