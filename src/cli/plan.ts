import { systemClock } from '../clock.ts';
import { parseConfig } from '../config/config.ts';
import { parseTime } from '../model/time.ts';
import { type FinishBy, makePlan, type Plan, planToJson } from '../report/plan/plan.ts';
import { showTime } from '../show.ts';
import { countOf, formatCount, formatDuration, formatShare, formatTime } from '../words.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION, refuse, text } from './options.ts';
import { withStore } from './with-store.ts';

export const planCommand = defineCommand({
  description:
    'Say what an announcement that has not started will take: devices, hops, start and end, invocations, cost, and what is ' +
    'likely to go wrong. Nothing is sent. The budget and the other settings are those of this machine.',
  examples: [
    ['baton plan 42', 'What it will take'],
    ['baton plan 42 --finish-by 09:30', 'Whether it ends by half past nine, and at what budget'],
  ],
  operands: ANNOUNCEMENT_ID,
  options: {
    finishBy: text('TIME', '09:30 by the clock of this machine, or a time with its zone', { fallback: null }),
    json: JSON_OPTION,
  },
  async run({ options: { finishBy, json }, operands }, { env, out }) {
    const announcementId = parseAnnouncementId(operands);
    const config = parseConfig(env);
    const now = systemClock.now();
    const limit = finishBy === null ? null : parseFinishBy(finishBy, now);
    const plan = await withStore(env, (store) =>
      makePlan({ store, config, clock: systemClock }, announcementId, { finishBy: limit }),
    );
    out(json ? `${JSON.stringify(planToJson(plan))}\n` : describePlan(plan));
    return 0;
  },
});

/** `parseFinishBy` reads 09:30 as the next half past nine on this machine. PushError('BAD_INPUT'). */
export function parseFinishBy(value: string, nowMs: number): number {
  const [, hours = '', minutes = ''] = /^(\d{1,2}):(\d\d)$/.exec(value) ?? [];
  if (hours !== '' && Number(hours) < 24 && Number(minutes) < 60) {
    const date = new Date(nowMs);
    date.setHours(Number(hours), Number(minutes), 0, 0);
    if (date.getTime() <= nowMs) date.setDate(date.getDate() + 1);
    return date.getTime();
  }
  const time = parseTime(value);
  if ('ms' in time) return time.ms;
  throw refuse('--finish-by', `HH:MM, or ${time.expected}`, showTime(value));
}

/** `describePlan` is the plan in words. */
function describePlan(plan: Plan): string {
  const { announcementId, source, audience, hops, lanes, pageSize, startsAt, endsAt, durationMs } = plan;
  const ramp = plan.rampMs === 0 ? 'no ramp' : `a ramp of ${plan.rampMs / 1000} s`;
  const answers = `${formatCount(plan.answerMs)} ms an answer, ${plan.isMeasured ? 'measured' : 'assumed'}`;
  return [
    `announcement ${announcementId}, source ${source}`,
    row(
      'audience',
      `${formatCount(audience)} pushes in ${formatCount(hops)} hops of ${formatCount(pageSize)}, ${countOf(lanes, 'lane')}`,
    ),
    ...(plan.audienceWords === null ? [] : [row('for', plan.audienceWords)]),
    row('start', `${formatTime(startsAt)} UTC`),
    row('end', `${formatTime(endsAt)} UTC, after ${formatDuration(durationMs)}, ${describeRetries(plan)}`),
    row('budget', `${formatCount(plan.perMinute)} messages a minute, ${ramp}`),
    row(
      'invocations',
      `at most ${plan.peakConcurrency} at a time, ${formatCount(plan.peakInFlight)} pushes in flight (${answers})`,
    ),
    ...(plan.databaseConnections === 0
      ? []
      : [row('database', `at most ${plan.databaseConnections} connections`)]),
    row('cost', describeCost(plan)),
    ...(plan.finishBy === null ? [] : [row('finish by', describeFinish(plan.finishBy))]),
    ...plan.warnings.map((warning) => `warning: ${warning}`),
    ...(plan.sample === null
      ? []
      : ['', 'the message as FCM gets it, without its target:', JSON.stringify(plan.sample, null, 2)]),
    '',
  ].join('\n');
}

function describeRetries({ retries }: Plan): string {
  if (retries === null) return 'if nothing has to be retried';
  const { share, rounds, ms } = retries;
  return (
    `of which ${formatDuration(ms)} for ${countOf(rounds, 'retry round')} with ${formatShare(share, 1)} of the pushes, ` +
    "as in the source's last five announcements"
  );
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(14)}${value}`;
}

function describeCost({ cost: { memoryMb, gbSeconds, requests, dollars, prices } }: Plan): string {
  const { region, asOf } = prices;
  return (
    `$${dollars.x86_64.toFixed(4)} on x86, $${dollars.arm64.toFixed(4)} on arm64: ${formatCount(gbSeconds)} GB-seconds with ${memoryMb} MB, ` +
    `${formatCount(requests)} requests (${region}, ${asOf})`
  );
}

function describeFinish({ at, isPossible, perMinute }: FinishBy): string {
  const answer = isPossible ? 'yes' : 'no';
  const budget = perMinute === null ? 'not with any budget' : `from FCM_MESSAGES_PER_MINUTE=${perMinute} on`;
  return `${formatTime(at)} UTC: ${answer}; ${budget}`;
}
