import { bucketOf, balanceOf, type HopSummary, type Totals } from '../../../src/model/summary.ts';
import { countVerdicts } from '../../../src/model/delivery.ts';
import type { Report } from '../../../src/report/page/report.ts';
import { partsOf } from '../../../src/report/timeline.ts';
import { makeEntry, makeHop } from '../../support/summaries.ts';

/** 2026-12-24 18:07:00 UTC. */
export const STARTED_AT = Date.UTC(2026, 11, 24, 18, 7);

const DEVICES = 2_000_000;
const PAGE = 3000;
const HOPS = Math.ceil(DEVICES / PAGE);
/** A page takes this long at the default quota. */
const PAGE_MS = 306;
const RAMP_MS = 60_000;
const OUTAGE = { at: 120_000, ms: 20_000 };

/** Title and text as they should never be. */
export const HOSTILE = {
  title: '<img src=x onerror=alert(1)> \u202E\u2067 "Sale" & more 👩‍👩‍👧‍👦 مرحبا',
  body: `</style><script>alert(1)</script> ${'Ḽ̸͇̓o̷r̵e̶m 👨🏽‍🚀 '.repeat(100)}${'w'.repeat(400)}`,
};

/**
 * The report of a broadcast to 2,000,000 devices over 667 hops, with a ramp, an outage, killed invocations and a retry round;
 * always the same one.
 */
export function makeLargeReport(): Report {
  const random = makeRandom(7);
  const opensAt = (nth: number): number => {
    const full = nth * PAGE_MS;
    const ms = full < RAMP_MS / 2 ? Math.sqrt(2 * full * RAMP_MS) : full + RAMP_MS / 2;
    return ms < OUTAGE.at ? ms : ms + OUTAGE.ms;
  };
  const hops = Array.from({ length: HOPS }, (_, nth): HopSummary => {
    const pushes = Math.min(PAGE, DEVICES - nth * PAGE);
    const isKilled = nth % 97 === 50;
    const openedAt = STARTED_AT + Math.round(opensAt(nth)) + 40;
    const sendMs = Math.round(900 + random() * 700 + (nth % 41 === 7 ? 4000 * random() : 0));
    const unregistered = Math.round(pushes * (0.08 + random() * 0.02));
    const rejected = Math.round(pushes * 0.0015);
    const unknown = isKilled ? 12 : 0;
    return makeHop({
      fromId: nth * PAGE + 1,
      lastId: nth * PAGE + pushes,
      nextId: nth === HOPS - 1 ? null : (nth + 1) * PAGE + 1,
      plantedAt: openedAt - 320,
      claimedAt: openedAt - 250,
      openedAt,
      closedAt: openedAt + sendMs + (isKilled ? 31_000 : 0),
      takenOver: isKilled ? 1 : 0,
      woken: isKilled ? 1 : 0,
      devices: pushes,
      counts: {
        ...countVerdicts([]),
        delivered: pushes - unregistered - rejected - unknown,
        unregistered,
        rejected,
        unknown,
      },
      work: {
        waitMs: 200,
        readMs: 8,
        sendMs,
        recordMs: 120,
        sent: pushes,
        answers: makeAnswers(pushes, random),
        reasons: {
          UNREGISTERED: { pushes: unregistered, firstAt: openedAt, lastAt: openedAt + sendMs },
          INVALID_ARGUMENT: { pushes: rejected, firstAt: openedAt, lastAt: openedAt + sendMs },
          ...(nth % 20 === 3
            ? { UNAVAILABLE: { pushes: 40, firstAt: openedAt, lastAt: openedAt + sendMs } }
            : {}),
        },
      },
    });
  });
  const endedAt = Math.max(...hops.map(({ closedAt }) => closedAt ?? 0)) + 200;
  const sum = (verdict: keyof HopSummary['counts']): number =>
    hops.reduce((total, { counts }) => total + counts[verdict], 0);
  const read = DEVICES - 214;
  const totals: Totals = {
    announcementId: 42,
    audience: { devices: DEVICES + 214, lastId: DEVICES, countedAt: STARTED_AT, prunedAt: null },
    read: read + 214,
    isRead: true,
    counts: {
      ...countVerdicts([]),
      delivered: sum('delivered'),
      unregistered: sum('unregistered'),
      rejected: sum('rejected'),
      unknown: sum('unknown'),
    },
    hops: { open: 0, closed: hops.length },
    isCounted: true,
  };
  const pace = { perMinute: 600_000, rampMs: RAMP_MS };
  const audit = [
    makeEntry('created', STARTED_AT - 86_400_000, { actor: 'api:back-office', auditId: 1 }),
    makeEntry('scheduled', STARTED_AT - 86_300_000, { actor: 'api:back-office', auditId: 2 }),
    makeEntry('started', STARTED_AT, { actor: 'schedule', became: 'running', auditId: 3 }),
    makeEntry('done', endedAt, { became: 'done', auditId: 6 }),
  ];
  const sourceAudit = [
    makeEntry('outage', STARTED_AT + OUTAGE.at, {
      announcementId: null,
      source: 'default',
      why: 'FCM is down (UNAVAILABLE): waiting for 10 s',
      auditId: 4,
    }),
    makeEntry('outage over', STARTED_AT + OUTAGE.at + OUTAGE.ms, {
      announcementId: null,
      source: 'default',
      auditId: 5,
    }),
  ];
  return {
    now: endedAt + 3_600_000,
    announcement: {
      announcementId: 42,
      source: 'default',
      status: 'done',
      statusReason: null,
      guarantee: 'at-least-once',
      audience: 'devices',
      ttlSeconds: 3600,
      dryRun: false,
      lanes: 1,
      content: { ...HOSTILE, image: 'https://example.com/a.png', data: {}, options: {} },
      problem: null,
      edited: [],
      acceptUnregistered: false,
    },
    times: { publishAt: STARTED_AT, startedAt: STARTED_AT, finishedAt: endedAt },
    totals,
    balance: balanceOf(totals),
    hops,
    audit,
    sourceAudit,
    receipts: null,
    deliveryData: [],
    earlier: [41, 37, 33, 30, 28].map((announcementId, nth) => ({
      announcementId,
      title:
        [
          'Winter sale',
          'Your order can be picked up <b>today</b>',
          'Back in stock',
          'مرحبا',
          'x'.repeat(200),
        ][nth] ?? '',
      status: nth === 2 ? ('cancelled' as const) : ('done' as const),
      startedAt: STARTED_AT - (nth + 1) * 7 * 86_400_000,
      finishedAt: STARTED_AT - (nth + 1) * 7 * 86_400_000 + 236_000 + nth * 9000,
      balance:
        nth === 4
          ? null
          : {
              audience: 1_990_000 - nth * 12_000,
              excluded: 12,
              delivered: 1_800_000 - nth * 13_000,
              unregistered: 185_000 + nth * 1000,
              rejected: 2900,
              unknown: 0,
              unsent: 2088,
            },
    })),
    pace,
    isPaceKnown: true,
    rampFrom: STARTED_AT,
    budget: null,
    tickAgeMs: 30_000,
    lambda: null,
    use: partsOf({ hops, audit, sourceAudit, startedAt: STARTED_AT, endedAt, pace, rampFrom: STARTED_AT }),
  };
}

/** The longest page: everything that has a limit reaches it. */
export function makeLongestReport(): Report {
  const report = makeLargeReport();
  const [first, ...rest] = report.hops;
  const reasons = Object.fromEntries(
    Array.from({ length: 30 }, (_, nth) => [
      `HTTP_400_A_RATHER_LONG_REASON_${nth}`,
      { pushes: 9, firstAt: 0, lastAt: 0 },
    ]),
  );
  const hops = first ? [{ ...first, work: { ...first.work, reasons } }, ...rest] : [];
  const entries = Array.from({ length: 60 }, (_, nth) =>
    makeEntry(nth % 2 ? 'resumed' : 'paused', report.now - 1000 + nth, {
      actor: `api:${'a-name-without-end-'.repeat(4)}`,
      why: 'a reason that goes on and on '.repeat(15),
    }),
  );
  return { ...report, hops, audit: entries };
}

/** Answers of 40 to 200 ms, and a few that take long. */
function makeAnswers(count: number, random: () => number): number[] {
  const answers: number[] = [];
  const middle = 50 + 40 * random();
  for (const [ms, share] of [
    [middle, 0.5],
    [middle * 1.4, 0.3],
    [middle * 2, 0.16],
    [middle * 4, 0.03],
    [2400, 0.01],
  ] as const) {
    const bucket = bucketOf(ms);
    while (answers.length <= bucket) answers.push(0);
    answers[bucket] = (answers[bucket] ?? 0) + Math.round(count * share);
  }
  return answers;
}

/** Numbers from 0 to 1, the same ones for the same seed. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
