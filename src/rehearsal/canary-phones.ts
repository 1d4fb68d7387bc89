import { ROUND_PREFIX } from '../model/canary.ts';
import type { DeliveredPush } from './fcm/decide.ts';

/** Where phones send their receipts, and which of them do. */
export interface CanaryPhoneOptions {
  /** The address of POST /receipts; null: it is not known yet, and nobody answers. */
  readonly receiptsUrl: () => string | null;
  /** True for a phone that gets pushes and never answers. */
  readonly isDead: (target: string) => boolean;
  /** Receives why a receipt was not taken, without its target. */
  readonly onError: (why: string) => void;
}

/** The phones of canaries in the sandbox: each answers the silent push of a round as the app of a real one does. */
export interface CanaryPhones {
  deliver(push: DeliveredPush): void;
  /** Resolves once no receipt is under way. */
  idle(): Promise<void>;
}

export function makeCanaryPhones({ receiptsUrl, isDead, onError }: CanaryPhoneOptions): CanaryPhones {
  const underWay = new Set<Promise<void>>();
  return {
    deliver({ target, batonId }) {
      const url = receiptsUrl();
      if (url === null || batonId?.startsWith(ROUND_PREFIX) !== true || isDead(target)) return;
      const answer = post(url, { id: batonId, target, event: 'delivered' })
        .catch((error: unknown) => onError(error instanceof Error ? error.message : 'no connection'))
        .finally(() => underWay.delete(answer));
      underWay.add(answer);
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

async function post(url: string, receipt: object): Promise<void> {
  const { ok, status } = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ receipts: [receipt] }),
  });
  if (!ok) throw new Error(`expected status 202 of a receipt, got ${status}`);
}
