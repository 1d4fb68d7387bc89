import type { Clock } from '../../context.ts';

const PATH = /^\/v1beta1\/projects\/[^/]+\/androidApps\/(1:\d+:android:[0-9a-f]+)\/deliveryData(?:\?(.*))?$/;

/** A stand-in for FCM's Data API. */
export interface DeliveryDataService {
  /** Counts an accepted message. An empty label: it has none. */
  readonly count: (label: string) => void;
  /** The answer to a request; null: it is for another service. */
  readonly answer: (path: string) => string | null;
}

/**
 * `makeDeliveryData` answers as FCM's Data API: one entry for each label, of the messages that the sandbox has accepted, which all
 * devices received. Each app of a project has the same numbers.
 */
export function makeDeliveryData(clock: Pick<Clock, 'now'>): DeliveryDataService {
  const accepted = new Map<string, number>();
  return {
    count(label) {
      accepted.set(label, (accepted.get(label) ?? 0) + 1);
    },
    answer(path) {
      const [, appId, text = ''] = PATH.exec(path) ?? [];
      if (appId === undefined) return null;
      const query = new URLSearchParams(text);
      const [first, size] = [Number(query.get('pageToken') ?? 0), Number(query.get('pageSize') ?? 1000)];
      const now = new Date(clock.now());
      const date = { year: now.getUTCFullYear(), month: now.getUTCMonth() + 1, day: now.getUTCDate() };
      const all = Array.from(accepted, ([label, messages]) => ({
        appId,
        date,
        ...(label === '' ? {} : { analyticsLabel: label }),
        data: {
          countMessagesAccepted: String(messages),
          // What is zero is absent.
          messageOutcomePercents: { delivered: 100 },
          deliveryPerformancePercents: { deliveredNoDelay: 100 },
        },
      }));
      const isLast = first + size >= all.length;
      return JSON.stringify({
        androidDeliveryData: all.slice(first, first + size),
        ...(isLast ? {} : { nextPageToken: String(first + size) }),
      });
    },
  };
}
