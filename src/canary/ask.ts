import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { findAdvice } from '../judge/project.ts';
import { type Canary, type CanaryPush, MAX_CANARIES, roundOfPerson } from '../model/canary.ts';
import { REGISTER_AGAIN, remedyFor, stateOf } from './notices.ts';
import { sendRound } from './send.ts';

/** How often it looks for answers. */
const LOOK_MS = 500;

/** Pushes that are this much older than the round cannot be of it, whatever the clocks of two machines say. */
const MARGIN_MS = 600_000;

const MAX_PUSHES = 5000;

/** What became of a phone in the round that a person asked for. */
export interface PhoneReply {
  readonly deviceId: number;
  readonly platform: Canary['platform'];
  /** `silent`: FCM accepted the push, and the phone did not answer in time. `gone`: FCM says, or said, that the app is gone. */
  readonly state: 'answered' | 'silent' | 'refused' | 'gone';
  /** Milliseconds from the push to the answer; null: no answer. */
  readonly afterMs: number | null;
  /** Why FCM did not take the push; null: it did, or it is not known. */
  readonly reason: string | null;
  /** What to do; null: nothing. */
  readonly remedy: string | null;
}

/**
 * Sends a round of its own now and waits for the answers, at most `waitMs`. `onReply` gets each phone's reply as soon as it is
 * known. Resolves to the replies of all canaries, by device. PushError('BAD_CONFIG') if phones cannot answer, and
 * PushError('BAD_INPUT') if there are no canaries.
 */
export async function askCanaries(
  ctx: Context,
  waitMs: number,
  onReply: (reply: PhoneReply) => void = () => {},
): Promise<PhoneReply[]> {
  const { store, config, clock } = ctx;
  if (!config.receipts) {
    throw PushError.of('BAD_CONFIG', [
      { field: 'RECEIPTS', expected: 'on, so that canaries can answer', got: 'off' },
    ]);
  }
  const phones = await store.fetchCanaries(MAX_CANARIES);
  if (phones.length === 0) throw PushError.of('BAD_INPUT', [NO_CANARIES]);
  const round = roundOfPerson(clock.now());
  const reached = phones.filter(({ unregisteredAt }) => unregisteredAt === null);
  const startedAt = clock.now();
  if (reached.length > 0) await sendRound(ctx, round, config.source, reached);
  const until = clock.now() + waitMs;

  const replies = new Map<number, PhoneReply>();
  const settle = (reply: PhoneReply): void => {
    if (replies.has(reply.deviceId)) return;
    replies.set(reply.deviceId, reply);
    onReply(reply);
  };
  for (;;) {
    const isLast = clock.now() >= until;
    const ageMs = clock.now() - startedAt + MARGIN_MS;
    const pushes = await store.fetchCanaryPushes(ageMs, MAX_PUSHES);
    const own = pushes.filter((push) => push.round === round);
    const byPhone = new Map(own.map((push) => [push.deviceId, push]));
    for (const phone of phones) {
      const push = byPhone.get(phone.deviceId);
      if (isLast || push === undefined || !mayAnswer(push)) settle(replyOf(phone, push));
    }
    if (replies.size === phones.length) break;
    await clock.sleep(Math.min(LOOK_MS, Math.max(1, until - clock.now())));
  }
  return phones.flatMap(({ deviceId }) => replies.get(deviceId) ?? []);
}

const NO_CANARIES = {
  field: 'canaries',
  expected: 'devices with is_canary = 1',
  got: 'none: mark phones of the team by POST /devices with "isCanary": true',
};

function mayAnswer({ verdict, answeredAt }: CanaryPush): boolean {
  return answeredAt === null && (verdict === null || verdict === 'delivered' || verdict === 'unknown');
}

function replyOf(phone: Canary, push: CanaryPush | undefined): PhoneReply {
  const { deviceId, platform } = phone;
  const own = { deviceId, platform, afterMs: null, reason: null };
  if (push === undefined) return { ...own, state: 'gone', reason: 'UNREGISTERED', remedy: REGISTER_AGAIN };
  const state = stateOf(push);
  const { reason, answeredAt, sentAt } = push;
  switch (state) {
    case 'answered': {
      const afterMs = answeredAt === null ? null : Math.max(0, answeredAt - sentAt);
      return { ...own, state, afterMs, remedy: null };
    }
    case 'silent':
      return { ...own, state, remedy: remedyFor(phone) };
    case 'gone':
      return { ...own, state, reason, remedy: REGISTER_AGAIN };
    case 'refused':
      return { ...own, state, reason, remedy: findAdvice([reason ?? '']) ?? '`baton doctor` says more' };
  }
}
