import { findAdvice } from '../judge/project.ts';
import { ANSWER_WITHIN_MS, type Canary, type CanaryPush, MAX_CANARIES } from '../model/canary.ts';
import { PLATFORMS, type Platform } from '../model/filter.ts';
import type { Notice, NoticeLevel } from '../model/notice.ts';
import { toDay } from '../words.ts';

/** A phone that was silent in so many rounds is known to be: further ones make it no more urgent. */
const MAX_RED_ROUNDS = 2;

const MINUTES = ANSWER_WITHIN_MS / 60_000;

/** What to do about a phone that does not answer. */
const REMEDIES: Readonly<Record<Platform, string>> = {
  ios:
    'open the app on this phone: iOS gives nothing to an app that was force-quit, and little in Low Power Mode or with ' +
    'Background App Refresh off; if it stays silent, check the APNs key in the Firebase console',
  android:
    'open the app on this phone: Android gives nothing to an app that was force-stopped, and battery savers hold it back; ' +
    'check that the phone is on and has a network',
  web: 'open the browser on this machine, and check that the service worker of the site is installed',
};
const REMEDY = 'open the app on this phone, and check that the phone is on and has a network';
const REMEDY_FOR_ALL =
  'check that the app answers silent pushes by POST /receipts and can reach that address, then the APNs key and the ' +
  'Cloud Messaging settings in the Firebase console, before the next broadcast';

/** What the check says while RECEIPTS is off. */
export const NO_RECEIPTS: Notice = {
  name: 'canary:receipts',
  level: 'amber',
  says: 'There are canaries, but RECEIPTS is off: they cannot answer, and get no pushes',
  remedy: 'set RECEIPTS=on, or unmark the canaries',
  dueOn: null,
  source: 'RECEIPTS',
};

/** How a phone stands: by its latest push that is decided. A push is decided once it was refused, or answered, or too old. */
interface Standing {
  readonly phone: Canary;
  readonly push: CanaryPush;
  readonly state: 'answered' | 'silent' | 'refused' | 'gone';
}

/**
 * Judges the canaries by their pushes, the latest first. A push whose phone may still answer changes nothing: what was found
 * before stands until then.
 */
export function judgePushes(phones: readonly Canary[], pushes: readonly CanaryPush[]): Notice[] {
  const byPhone = Map.groupBy(pushes.filter(isDecided), ({ deviceId }) => deviceId);
  const watched = phones.slice(0, MAX_CANARIES);
  const standings = watched.flatMap((phone): Standing[] => {
    const push = byPhone.get(phone.deviceId)?.[0];
    if (push === undefined || phone.unregisteredAt !== null) return [];
    return [{ phone, push, state: stateOf(push) }];
  });
  const latest = Map.groupBy(pushes, ({ deviceId }) => deviceId);
  const isAnyAccepted = watched.some(({ deviceId }) => {
    const { verdict = null, answeredAt = null } = latest.get(deviceId)?.[0] ?? {};
    return verdict === 'delivered' || answeredAt !== null;
  });
  return [
    ...judgeSilent(standings, byPhone),
    ...judgeRefused(standings, isAnyAccepted),
    ...judgeGone(
      standings.filter(({ state }) => state === 'gone'),
      isAnyAccepted,
    ),
    ...watched.flatMap(describeUnregistered),
    ...(phones.length > MAX_CANARIES ? [TOO_MANY] : []),
  ];
}

function isDecided({ verdict, answeredAt, ageMs }: CanaryPush): boolean {
  if (answeredAt !== null || ageMs >= ANSWER_WITHIN_MS) return true;
  return verdict !== null && verdict !== 'delivered';
}

/** How a phone stands by a push that is decided; an accepted one that may still be answered is `silent`. */
export function stateOf({
  verdict,
  answeredAt,
}: Pick<CanaryPush, 'verdict' | 'answeredAt'>): Standing['state'] {
  if (answeredAt !== null) return 'answered';
  switch (verdict) {
    case 'delivered':
      return 'silent';
    case 'unregistered':
      return 'gone';
    case 'rejected':
    case 'misconfigured':
    case 'retryable':
    case 'unknown':
    case 'unsent':
    case null:
      return 'refused';
  }
}

/** One notice for all that are silent, if nobody answers; one for a platform of which nobody does; one for each other phone. */
function judgeSilent(
  standings: readonly Standing[],
  byPhone: ReadonlyMap<number, readonly CanaryPush[]>,
): Notice[] {
  const silent = standings.filter(({ state }) => state === 'silent');
  const heard = standings.filter(({ state }) => state === 'answered');
  const [only] = silent;
  if (only === undefined) return [];
  if (heard.length === 0) {
    if (silent.length === 1) return [describeSilent(only, 'red', REMEDY_FOR_ALL)];
    const says = `FCM accepted the pushes to all ${silent.length} canaries (${idsOf(silent)}), and no phone answered in ${MINUTES} minutes`;
    return [red('canary:all', says, REMEDY_FOR_ALL, only)];
  }
  const deadPlatforms = PLATFORMS.filter(
    (platform) =>
      silent.filter(({ phone }) => phone.platform === platform).length > 1 &&
      heard.every(({ phone }) => phone.platform !== platform),
  );
  const ofPlatforms = deadPlatforms.map((platform) => {
    const all = silent.filter(({ phone }) => phone.platform === platform);
    const says = `FCM accepted the pushes to all ${all.length} canaries of ${platform} (${idsOf(all)}), and no phone answered in ${MINUTES} minutes; others did`;
    return red(
      `canary:${platform}`,
      says,
      `${PLATFORM_REMEDIES[platform]}; ${REMEDIES[platform]}`,
      all[0] ?? only,
    );
  });
  const others = silent.filter(
    ({ phone: { platform } }) => platform === null || !deadPlatforms.includes(platform),
  );
  return [
    ...ofPlatforms,
    ...others.map((each) => {
      const own = byPhone.get(each.phone.deviceId) ?? [];
      const remedy = remedyFor(each.phone);
      return countSilent(own) > MAX_RED_ROUNDS
        ? describeLongSilent(each, own, remedy)
        : describeSilent(each, 'red', remedy);
    }),
  ];
}

const PLATFORM_REMEDIES: Readonly<Record<Platform, string>> = {
  ios: 'check the APNs key (or certificate) in the Firebase console, and whether the build is for that environment',
  android: 'check whether the latest build of the app answers silent pushes',
  web: 'check the web push certificate in the Firebase console, and the latest service worker',
};

/** What to do about a phone that does not answer, while others do. */
export function remedyFor({ platform }: Pick<Canary, 'platform'>): string {
  return platform === null ? REMEDY : REMEDIES[platform];
}

/** Rounds in a row, up to the latest, that FCM accepted and the phone did not answer. */
function countSilent(own: readonly CanaryPush[]): number {
  const first = own.findIndex((push) => stateOf(push) !== 'silent');
  return first === -1 ? own.length : first;
}

function describeSilent(each: Standing, level: NoticeLevel, remedy: string): Notice {
  const says = `FCM accepted the push to canary ${nameOf(each.phone)} and the phone did not answer in ${MINUTES} minutes`;
  return { ...red(`canary:${each.phone.deviceId}`, says, remedy, each), level };
}

function describeLongSilent(each: Standing, own: readonly CanaryPush[], remedy: string): Notice {
  const last = own.find(({ answeredAt }) => answeredAt !== null);
  const oldest = own.at(-1) ?? each.push;
  const since =
    last === undefined
      ? `answered no push since ${toDay(oldest.sentAt)}, the first that is known`
      : `answered no push since that of ${toDay(last.sentAt)}`;
  const says = `Canary ${nameOf(each.phone)} has ${since}; FCM accepts them`;
  return { ...red(`canary:${each.phone.deviceId}`, says, `${remedy}; or unmark it`, each), level: 'amber' };
}

/** Pushes that FCM did not take: one notice a reason. */
function judgeRefused(standings: readonly Standing[], isAnyAccepted: boolean): Notice[] {
  const refused = standings.filter(({ state }) => state === 'refused');
  const byReason = Map.groupBy(refused, ({ push }) => push.reason ?? NOT_KNOWN);
  return [...byReason].flatMap(([reason, all]) => {
    const [first] = all;
    if (first === undefined) return [];
    const isFault = all.some(({ push }) => push.verdict === 'misconfigured');
    const who = all.length === 1 ? `canary ${nameOf(first.phone)}` : `${all.length} canaries (${idsOf(all)})`;
    const says =
      reason === NOT_KNOWN
        ? `It is not known whether the push to ${who} was sent: the invocation ended before it had FCM's answer`
        : `The push to ${who} was not accepted: ${reason}`;
    const remedy = findAdvice([reason]) ?? (isFault ? FAULT_REMEDY : WAIT_REMEDY);
    const notice = red(`canary:${reason.replaceAll(/[^\x21-\x7e]+/g, '-')}`, says, remedy, first);
    return [{ ...notice, level: isFault || !isAnyAccepted ? 'red' : 'amber' } as const];
  });
}

const NOT_KNOWN = 'not-known';
const FAULT_REMEDY =
  '`baton doctor` checks the credentials and the project: a broadcast would fail in the same way';
const WAIT_REMEDY = 'nothing, if it is gone with the next round; `baton canary` sends one now';

/** Phones whose app is gone, as FCM says. If it says so of all, that is hardly true. */
function judgeGone(gone: readonly Standing[], isAnyAccepted: boolean): Notice[] {
  const [first] = gone;
  if (first !== undefined && gone.length > 1 && !isAnyAccepted) {
    const says = `FCM says of ${gone.length} canaries (${idsOf(gone)}) that the app is gone, and accepted the push to no other`;
    const remedy =
      'check that FCM_CREDENTIALS and the app are of the same Firebase project; then open the app on each phone';
    return [red('canary:UNREGISTERED', says, remedy, first)];
  }
  return gone.map((each) => {
    const says = `FCM says of canary ${nameOf(each.phone)} that the app is gone, or has another token`;
    const notice = red(`canary:${each.phone.deviceId}`, says, REGISTER_AGAIN, each);
    return { ...notice, level: isAnyAccepted ? 'amber' : 'red' };
  });
}

/** What to do about a phone whose app is gone. */
export const REGISTER_AGAIN = 'open the app, so that it registers again, or unmark the canary';

function describeUnregistered(phone: Canary): Notice[] {
  const { unregisteredAt, deviceId } = phone;
  if (unregisteredAt === null) return [];
  return [
    {
      name: `canary:${deviceId}`,
      level: 'amber',
      says: `Canary ${nameOf(phone)} gets no pushes: FCM reported on ${toDay(unregisteredAt)} that its app is gone`,
      remedy: REGISTER_AGAIN,
      dueOn: null,
      source: 'push_device',
    },
  ];
}

const TOO_MANY: Notice = {
  name: 'canary:number',
  level: 'amber',
  says: `More than ${MAX_CANARIES} devices are marked as canaries: the first ${MAX_CANARIES} by id get pushes`,
  remedy: 'unmark those that are no phones of the team',
  dueOn: null,
  source: 'push_device',
};

function red(name: string, says: string, remedy: string, { push }: Pick<Standing, 'push'>): Notice {
  return { name, level: 'red', says, remedy, dueOn: null, source: `push_canary, round ${push.round}` };
}

function nameOf({ deviceId, platform }: Canary): string {
  return platform === null ? String(deviceId) : `${deviceId} (${platform})`;
}

/** More ids than this are only counted: the text has to be short. */
const MAX_IDS = 10;

function idsOf(all: readonly Standing[]): string {
  const ids = all.slice(0, MAX_IDS).map(({ phone }) => phone.deviceId);
  return all.length > MAX_IDS ? `${ids.join(', ')} and others` : ids.join(', ');
}
