import type { Notice } from '../model/notice.ts';
import type { Signal } from '../model/signal.ts';
import { parseTargets } from '../model/targets.ts';
import { formatShare } from '../words.ts';

/** Days of counts that are read: the latest is compared with the one of a week before. */
export const TARGET_DAYS = 10;
const WEEK_MS = 7 * 86_400_000;

/** A move of so much within a week is reported: a release of the app alone moves it by days, not by weeks. */
const MOVE_POINTS = 0.05;

/** With fewer devices, a handful would move the share. */
const MIN_DEVICES = 1000;

interface Targets {
  readonly day: string;
  readonly devices: number;
  readonly fid: number;
}

/** Judges how many devices have a FID in place of a token: a share that moves by five points within a week is a notice. */
export function judgeTargets(signals: readonly Signal[]): Notice[] {
  const days = parseTargets(signals)
    .map(({ day, token, fid }): Targets => ({ day, devices: token + fid, fid }))
    .filter(({ devices }) => devices >= MIN_DEVICES)
    .toSorted((one, other) => (one.day < other.day ? 1 : -1));
  const [latest] = days;
  const since = latest && days.findLast(({ day }) => Date.parse(latest.day) - Date.parse(day) <= WEEK_MS);
  if (!latest || !since) return [];
  const move = latest.fid / latest.devices - since.fid / since.devices;
  return Math.abs(move) < MOVE_POINTS ? [] : [makeNotice(since, latest)];
}

function makeNotice(since: Targets, latest: Targets): Notice {
  const [before, now] = [since, latest].map(({ fid, devices }) => formatShare(fid, devices));
  const isUp = latest.fid / latest.devices > since.fid / since.devices;
  return {
    name: 'mix:fid',
    level: 'amber',
    says: `${now} of the devices have a FID, on ${since.day} it was ${before}: ${isUp ? 'an app moves from tokens to FIDs' : 'devices go back from FIDs to tokens'}`,
    remedy: isUp
      ? 'make sure that the app registers its FID with the token that it replaces: see docs/devices.md'
      : 'make sure that no old table of devices was restored and that no back end writes tokens over FIDs',
    dueOn: null,
    source: `counts of devices on ${since.day} and ${latest.day}`,
  };
}
