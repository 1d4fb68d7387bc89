import { X509Certificate } from 'node:crypto';
import { readServiceKey, type ServiceKey } from '../fcm/service-key.ts';
import { cutText, messageOf } from '../errors.ts';
import type { Notice } from '../model/notice.ts';
import { daysUntil, levelOf } from './due.ts';
import { toDay } from '../words.ts';
import type { Finding, RadarTools } from './part.ts';

/** A key that is older than this has been in too many hands, backups and logs. */
const MAX_KEY_DAYS = 365;
/** A key that does not expire has a certificate until the year 9999. */
const NEVER = '9000-01-01';
/** Signals are kept for each key that was ever used: one row each. */
const SIGNAL_DAYS = 3650;

const REPLACE =
  'make a new key in the Google Cloud console (IAM, Service accounts, Keys), set FCM_CREDENTIALS to it, and delete the old one';

/** Judges the age of each source's key: by Google's certificate of it, or by the first day on which Baton saw it. */
export async function judgeKeys(tools: RadarTools): Promise<Finding> {
  const findings: Finding[] = [];
  for (const [source, { credentials }] of tools.config.sources) {
    const key = readServiceKey(credentials);
    if (key !== null) findings.push(await judgeKey(tools, source, key));
  }
  if (findings.length === 0) return { hasVerdict: true, says: 'no source has a key of its own', notices: [] };
  return {
    hasVerdict: findings.every(({ hasVerdict }) => hasVerdict),
    says: findings.map(({ says }) => says).join('; '),
    notices: findings.flatMap(({ notices }) => notices),
  };
}

async function judgeKey(tools: RadarTools, source: string, key: ServiceKey): Promise<Finding> {
  const nowMs = tools.clock.now();
  const certificate = await fetchCertificate(tools, key);
  if (typeof certificate !== 'string') {
    const madeOn = toDay(certificate.validFromDate.getTime());
    const endsOn = toDay(certificate.validToDate.getTime());
    const origin = `Google's certificate of the key ${key.hash}`;
    const age = judgeAge(source, madeOn, 'was made', origin, nowMs);
    return { ...age, notices: [...age.notices, ...judgeEnd(source, endsOn, origin, nowMs)] };
  }
  const seenOn = await fetchFirstDay(tools, source, key);
  const age = judgeAge(
    source,
    seenOn,
    'was first seen by Baton',
    `Baton's record of the key ${key.hash}`,
    nowMs,
  );
  return { ...age, says: `${age.says} (its own date is not known: ${certificate})` };
}

/** Google publishes the certificate of each key; it needs no permission. A text says why there is none. */
async function fetchCertificate(
  { config, fetchCertificates }: RadarTools,
  { email, keyId }: ServiceKey,
): Promise<X509Certificate | string> {
  // At an endpoint of one's own, accounts are made up.
  if (!/(^|\.)googleapis\.com$/.test(new URL(config.fcm.endpoint).hostname))
    return 'FCM_ENDPOINT is not Google';
  try {
    const pem = (await fetchCertificates(email)).get(keyId);
    return pem === undefined ? 'Google does not list this key' : new X509Certificate(pem);
  } catch (error) {
    return cutText(messageOf(error), 100);
  }
}

async function fetchFirstDay(
  { openStore, clock }: RadarTools,
  source: string,
  key: ServiceKey,
): Promise<string> {
  const store = await openStore();
  const seen = (await store.fetchSignals('key', SIGNAL_DAYS)).find(
    (signal) => signal.source === source && signal.name === key.hash,
  );
  if (seen) return seen.value;
  const today = toDay(clock.now());
  await store.recordSignals([{ kind: 'key', source, name: key.hash, value: today }]);
  return today;
}

function judgeAge(source: string, day: string, verb: string, origin: string, nowMs: number): Finding {
  const days = Math.max(-daysUntil(day, nowMs), 0);
  const says = `the key of the source ${source} ${verb} on ${day}, ${days} days ago`;
  if (days <= MAX_KEY_DAYS) return { hasVerdict: true, says, notices: [] };
  const notice: Notice = {
    name: `key-age:${source}`,
    level: 'amber',
    says: `${says}: older than a year`,
    remedy: REPLACE,
    dueOn: null,
    source: origin,
  };
  return { hasVerdict: true, says, notices: [notice] };
}

/** An organisation may let keys expire. */
function judgeEnd(source: string, endsOn: string, origin: string, nowMs: number): Notice[] {
  const level = endsOn > NEVER ? null : levelOf(endsOn, nowMs);
  if (level === null) return [];
  return [
    {
      name: `key-end:${source}`,
      level,
      says: `the key of the source ${source} expires on ${endsOn}: after that nothing can be sent with it`,
      remedy: REPLACE,
      dueOn: endsOn,
      source: origin,
    },
  ];
}
