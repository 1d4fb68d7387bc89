import type { Notice, NoticeLevel } from '../model/notice.ts';
import {
  ANNOUNCING_HEADERS,
  type AnnouncingHeader,
  SERVICES,
  type Service,
  type Signal,
} from '../model/signal.ts';
import { cleanValue } from '../signals.ts';
import { findTime } from './announced-times.ts';
import { findLink } from './link.ts';
import { toDay } from '../words.ts';

/** Headers that were not seen for so many days are forgotten. A team that pushes once a month still hears of them. */
export const HEADER_DAYS = 40;

/** A sunset that is nearer is red. */
const RED_MS = 60 * 86_400_000;

const SERVICE_NAMES: Readonly<Record<Service, string>> = {
  fcm: 'FCM',
  'google-token': "Google's token service",
  lambda: "AWS Lambda's API",
  'secrets-manager': 'AWS Secrets Manager',
  sns: 'Amazon SNS',
};

/** The latest value of a header for each source that got it. */
interface Announced {
  readonly service: Service;
  readonly header: AnnouncingHeader;
  readonly signals: readonly Signal[];
}

/**
 * Judges what services have announced in the headers of their answers: one notice for each service and header. A sunset is
 * red 60 days before its day and from then on; everything else is amber.
 */
export function judgeHeaders(signals: readonly Signal[], nowMs: number): Notice[] {
  const all = groupSignals(signals);
  return all.flatMap((announced) => {
    const linked = all.find(({ service, header }) => service === announced.service && header === 'link');
    const link = linked === undefined ? null : findLink(latestOf(linked).value);
    switch (announced.header) {
      case 'sunset':
        return [judgeSunset(announced, link, nowMs)];
      case 'deprecation':
        return judgeDeprecation(announced, link, nowMs);
      case 'warning':
        return judgeWarning(announced, link);
      case 'link':
        // Otherwise it is the source of the other notices.
        return all.some(({ service, header }) => service === announced.service && header !== 'link')
          ? []
          : [judgeLink(announced, link)];
    }
  });
}

function judgeSunset(announced: Announced, link: string | null, nowMs: number): Notice {
  const ms = timeOf(announced);
  const who = SERVICE_NAMES[announced.service];
  if (ms === null) {
    const says = `${who} announces that what Baton calls will end, on a day that cannot be read: ${quote(announced)}`;
    return makeNotice(announced, { level: 'amber', says, link, dueOn: null });
  }
  const dueOn = toDay(ms);
  const isPast = ms <= nowMs;
  return makeNotice(announced, {
    level: ms - nowMs <= RED_MS ? 'red' : 'amber',
    says: isPast
      ? `${who} announced that what Baton calls ends on ${dueOn}, and that day has come: it may stop at any time`
      : `${who} announces that what Baton calls ends on ${dueOn}`,
    link,
    dueOn,
    until: isPast ? ' at once' : ` before ${dueOn}`,
  });
}

/** What is deprecated still works: only a sunset says until when. */
function judgeDeprecation(announced: Announced, link: string | null, nowMs: number): Notice[] {
  if (announced.signals.every(({ value }) => /^\s*(false|\?0)\s*$/i.test(value))) return [];
  const ms = timeOf(announced);
  const who = SERVICE_NAMES[announced.service];
  const since = ms === null ? '' : ` ${ms <= nowMs ? 'since' : 'from'} ${toDay(ms)}`;
  const is = ms !== null && ms > nowMs ? 'will be' : 'is';
  const says = `${who} announces that what Baton calls ${is} deprecated${since === '' ? `: ${quote(announced)}` : since}`;
  return [makeNotice(announced, { level: 'amber', says, link, dueOn: ms === null ? null : toDay(ms) })];
}

/** Codes below 199, and 214, are about caches and proxies. */
const WARNING_CODE = /(?:^|,\s*)(\d{3})(?=\s)/g;

function judgeWarning(announced: Announced, link: string | null): Notice[] {
  const { value } = latestOf(announced);
  const codes = [...value.matchAll(WARNING_CODE)].map(([, code]) => Number(code));
  if (codes.length > 0 && codes.every((code) => code < 199 || code === 214)) return [];
  const says = `${SERVICE_NAMES[announced.service]} warns in its answers: ${quote(announced)}`;
  return [makeNotice(announced, { level: 'amber', says, link, dueOn: null })];
}

function judgeLink(announced: Announced, link: string | null): Notice {
  const who = SERVICE_NAMES[announced.service];
  const says = `${who} points in its answers to a page about the end or the successor of what Baton calls`;
  return makeNotice(announced, { level: 'amber', says, link, dueOn: null });
}

function makeNotice(
  announced: Announced,
  {
    level,
    says,
    link,
    dueOn,
    until = '',
  }: { level: NoticeLevel; says: string; link: string | null; dueOn: string | null; until?: string },
): Notice {
  const { service, header, signals } = announced;
  const sources = signals.map(({ source }) => source).filter((source) => source !== '');
  const { day } = latestOf(announced);
  const at =
    sources.length === 0 ? '' : ` to the source${sources.length > 1 ? 's' : ''} ${sources.join(', ')}`;
  return {
    name: `header:${service}:${header}`,
    level,
    says,
    remedy: `read ${link ?? "the service's release notes"}, then deploy a release of Baton that uses the successor${until}`,
    dueOn,
    source: link ?? `header ${header} in answers of ${SERVICE_NAMES[service]}${at}, last seen on ${day}`,
  };
}

/** The signals of one service and header, in the order of the vocabularies; others are of a later release. */
function groupSignals(signals: readonly Signal[]): Announced[] {
  return SERVICES.flatMap((service) =>
    ANNOUNCING_HEADERS.flatMap((header) => {
      const latest = new Map<string, Signal>();
      for (const signal of signals) {
        if (signal.kind !== 'header' || signal.name !== `${service}:${header}`) continue;
        const known = latest.get(signal.source);
        if (known === undefined || known.seenAt < signal.seenAt) latest.set(signal.source, signal);
      }
      return latest.size === 0 ? [] : [{ service, header, signals: [...latest.values()] }];
    }),
  );
}

function latestOf({ signals }: Announced): Signal {
  return signals.reduce((one, other) => (other.seenAt > one.seenAt ? other : one));
}

/** The earliest of the sources' days. */
function timeOf({ signals }: Announced): number | null {
  const times = signals.flatMap(({ value }) => findTime(value) ?? []);
  return times.length === 0 ? null : Math.min(...times);
}

/** `quote` shows what a service says, in one short line and without what may be a key. */
function quote(announced: Announced): string {
  return JSON.stringify(cleanValue(latestOf(announced).value));
}
