import type { Clock, Log, Stragglers } from '../context.ts';
import { describeFailure } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { countVerdicts, type Delivery, FINAL_VERDICTS } from '../model/delivery.ts';
import type { Hop } from '../model/hop.ts';
import type { Deliveries, Devices } from '../store.ts';

/** Answers that arrive within this time are recorded together. */
const GATHER_MS = 250;

/**
 * Makes the recorder of the answers that arrive after their hop has ended, in the process that sent the pushes. Lambda
 * freezes a process between two invocations: nothing must be half written then, so each invocation ends with a `flush`.
 */
export function makeStragglers({
  store,
  clock,
  log,
  metrics,
}: {
  readonly store: Pick<Deliveries, 'recordDeliveries'> & Pick<Devices, 'fetchSuccessions'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}): Stragglers {
  const waiting = new Map<Hop, Delivery[]>();
  let writing: Promise<void> = Promise.resolve();
  let isAwake = false;

  async function write(): Promise<void> {
    const all = [...waiting];
    waiting.clear();
    for (const [hop, deliveries] of all) {
      const { announcementId, round, fromId } = hop;
      try {
        const certain = await withoutReplaced(store, deliveries);
        if (certain.length === 0) continue;
        await store.recordDeliveries(hop, certain);
        metrics.recordPushes(countVerdicts(certain));
        log.info('late answers recorded', { announcementId, round, fromId, answers: certain.length });
      } catch (error) {
        // The ledger has them as unknown, and the guarantee says what becomes of those.
        log.error('late answers not recorded', {
          announcementId,
          round,
          fromId,
          why: describeFailure(error),
        });
      }
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  async function wake(): Promise<void> {
    await clock.sleep(GATHER_MS);
    isAwake = false;
    await flush();
  }

  return {
    take(hop, delivery) {
      // The hop has recorded the push as unknown: only a final verdict says more.
      if (!FINAL_VERDICTS.includes(delivery.verdict)) return;
      const deliveries = waiting.get(hop);
      if (deliveries) deliveries.push(delivery);
      else waiting.set(hop, [delivery]);
      if (isAwake) return;
      isAwake = true;
      void wake();
    },
    flush,
  };
}

/** A phone that has another target by now is not gone: the ledger goes on having its push as unknown. */
async function withoutReplaced(
  store: Pick<Devices, 'fetchSuccessions'>,
  deliveries: readonly Delivery[],
): Promise<readonly Delivery[]> {
  const gone = deliveries.flatMap(({ verdict, deviceId, sentTo }) =>
    verdict === 'unregistered' && sentTo ? [{ deviceId, ...sentTo }] : [],
  );
  if (gone.length === 0) return deliveries;
  const successions = await store.fetchSuccessions(gone);
  return deliveries.filter(
    ({ verdict, deviceId }) => verdict !== 'unregistered' || successions.get(deviceId) !== 'replaced',
  );
}
