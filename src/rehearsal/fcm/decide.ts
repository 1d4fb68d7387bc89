import type { Clock } from '../../context.ts';
import { DISCOVERY_PATH, type DiscoveryChanges, makeDiscovery } from './discovery.ts';
import type { Target } from '../../model/device.ts';
import { chance, chances, drawFault, type Fault, type FaultMix } from './faults.ts';
import { drawLatency, type Tail } from './latency.ts';
import type { AcceptedLog } from './log.ts';
import { parseMessage } from './message.ts';
import { answerOf, type Outage } from './outage.ts';
import { makeQuota } from './quota.ts';
import * as replies from './replies.ts';
import type { SandboxTally } from './stats.ts';

export interface ServiceOptions {
  readonly seed: number;
  /** Median answer time. */
  readonly latencyMs: number;
  /** Spread of the answer times. */
  readonly sigma: number;
  readonly tail: Tail;
  /** Messages per minute for each project. */
  readonly quotaPerMinute: number;
  /** Retry-After of a 429 and a 503; absent: the time until the quota is full again, and none. */
  readonly retryAfterSeconds?: number;
  readonly faults: FaultMix;
  /** The projects that exist; absent: every project exists. */
  readonly projects?: readonly string[];
  readonly outage?: Outage | undefined;
  /** What FCM's description of its API has otherwise; absent: nothing. */
  readonly discovery?: DiscoveryChanges;
  /** True for a target that is not known as one of its kind; absent: all are known. */
  readonly isGone?: ((target: Target) => boolean) | undefined;
  /** The phone that gets what FCM accepts; absent: nobody looks at it. */
  readonly deliver?: ((push: DeliveredPush) => void) | undefined;
}

/** What a phone gets of a push. */
export interface DeliveredPush {
  readonly target: string;
  /** What a receipt has to name; null: the push asks for none. */
  readonly batonId: string | null;
}

export interface ServiceParts {
  readonly log: Pick<AcceptedLog, 'add'>;
  readonly tally: SandboxTally;
  readonly clock: Pick<Clock, 'now'>;
  readonly isAuthorized: (token: string) => boolean;
  /** Takes the analytics label of each accepted message. */
  readonly onAccepted?: (label: string) => void;
}

/** One request to FCM, read to its end. */
export interface SandboxRequest {
  readonly path: string;
  readonly authorization: string;
  readonly body: string;
}

/** What the sandbox does with a request. */
export type Decision =
  | { readonly kind: 'answer'; readonly reply: replies.FcmReply; readonly afterMs: number }
  /** Answers, and then closes the connection with a GOAWAY. */
  | { readonly kind: 'goaway'; readonly reply: replies.FcmReply; readonly afterMs: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'silence' };

/** `makeService` makes FCM's own decisions: the same checks, in FCM's order, and the faults that the options ask for. */
export function makeService(
  { log, tally, clock, isAuthorized, onAccepted }: ServiceParts,
  {
    seed,
    latencyMs,
    sigma,
    tail,
    quotaPerMinute,
    retryAfterSeconds,
    faults,
    projects,
    outage,
    discovery,
    isGone = () => false,
    deliver,
  }: ServiceOptions,
): (request: SandboxRequest) => Decision {
  const { counts } = tally;
  const quota = makeQuota(quotaPerMinute, clock);
  const attempts = new Map<string, number>();
  let firstAt: number | undefined;
  let outageAt: number | undefined;

  return ({ path, authorization, body }) => {
    if (path === DISCOVERY_PATH) {
      return answer({ status: 200, code: 'DISCOVERY', body: makeDiscovery(discovery) });
    }
    counts.requests++;
    const project = /^\/v1\/projects\/([^/]+)\/messages:send$/.exec(path)?.[1];
    if (project === undefined) return answer(replies.NOT_FOUND);
    const token = /^Bearer (\S+)$/.exec(authorization)?.[1];
    if (token === undefined || !isAuthorized(token)) return answer(replies.UNAUTHENTICATED);
    if (projects?.includes(project) === false) return answer(replies.NOT_FOUND);
    const message = parseMessage(body);
    const now = clock.now();
    firstAt ??= now;
    const down = outage ? answerOf(outage, now - firstAt) : null;
    if (down !== null) {
      outageAt ??= now;
      counts.outageHeardMs = now - outageAt;
      return down === 'silence' ? { kind: 'silence' } : answer(down);
    }
    const fullInSeconds = quota.take(project);
    if (fullInSeconds > 0) return answer(replies.quotaExceeded(retryAfterSeconds ?? fullInSeconds));
    tally.countQuota(project, now);
    if ('status' in message) return answer(message);

    const { target, kind: targetKind, collapseKey, validateOnly, batonId } = message;
    const attempt = (attempts.get(target) ?? 0) + 1;
    attempts.set(target, attempt);
    const weather = { medianMs: latencyMs, sigma, tail };
    const afterMs = drawLatency(weather, chances(seed, target, `latency ${attempt}`));
    const fault = drawFault(faults, seed, target, attempt);
    const refusal = fault && refusalFor(fault, retryAfterSeconds);
    if (refusal) return answer(refusal, afterMs);
    const isPhone = targetKind === 'token' || targetKind === 'fid';
    if (isPhone && isGone({ target, targetKind })) return answer(replies.UNREGISTERED, afterMs);

    const isUnanswered = fault === 'reset' || fault === 'silent';
    if (isUnanswered && chance(seed, target, `taken ${attempt}`) < 0.5) {
      tally.countAnswer(fault);
    } else if (validateOnly) {
      counts.validated++;
    } else {
      log.add(target, collapseKey);
      onAccepted?.(message.label);
      counts.accepted++;
      deliver?.({ target, batonId });
      if (isUnanswered) {
        tally.countAnswer(`${fault} after accepting`);
        counts.ambiguous++;
      }
    }
    if (fault === 'reset') return { kind: 'reset' };
    if (fault === 'silent') return { kind: 'silence' };
    const name = `projects/${project}/messages/0:${now}%${counts.requests.toString(16)}`;
    const kind = fault === 'goaway' ? 'goaway' : 'answer';
    return { kind, reply: replies.accepted(name), afterMs };
  };
}

function answer(reply: replies.FcmReply, afterMs = 0): Decision {
  return { kind: 'answer', reply, afterMs };
}

/** `refusalFor` is null for the faults that are not an answer. */
function refusalFor(fault: Fault, retryAfterSeconds: number | undefined): replies.FcmReply | null {
  const pause = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  switch (fault) {
    case 'unregistered':
      return replies.UNREGISTERED;
    case 'invalid':
      return replies.BAD_TARGET;
    case 'mismatch':
      return replies.SENDER_ID_MISMATCH;
    case 'unavailable':
      return { ...replies.UNAVAILABLE, ...pause };
    case 'internal':
      return replies.INTERNAL;
    case 'quota':
      return replies.quotaExceeded(retryAfterSeconds ?? 60);
    case 'reset':
    case 'silent':
    case 'goaway':
      return null;
  }
}
