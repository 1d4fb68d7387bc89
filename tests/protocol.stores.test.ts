/**
 * The protocol, in random worlds. The product's own hops and ticks invocation on a real database (SQLite in memory); Lambda, FCM
 * and the clock belong to the test. An invocation waits in front of every statement, every invoke, every push and every answer,
 * several at a time, until one of the moves below lets it make one of these calls, fails the call, or kills the invocation
 * there. A process lives on after its invocation has ended, and may get late answers. The ledger may refuse every
 * delivery for a while: answers then wait in the invocation, which pushes nothing else. An invocation that waits
 * while the clock goes on is a zombie: its lease runs out, another invocation takes its hop, and then the zombie continues.
 * (An invocation that has made a call and waits in front of the next one is equal to one that was stopped after the first.)
 *
 * After the moves the world heals: nothing fails any more, FCM accepts everything that it can ever accept, and ticks come. The
 * announcement must then be done within a bounded number of ticks and invocations. Meanwhile the world checks each push and
 * each invoke (support/protocol-world.ts); at the end `check` reads the ledger.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { balanceOf } from '../src/model/summary.ts';
import { LEASE_MS, makeWorld, RETRY_MS, roundOf, type Setup, type World } from './support/protocol-world.ts';

type Move =
  | { readonly kind: 'step'; readonly invocation: number; readonly calls: number; readonly pick: number }
  | { readonly kind: 'step before'; readonly invocation: number; readonly call: string }
  | { readonly kind: 'fail'; readonly invocation: number; readonly done: boolean; readonly pick: number }
  | { readonly kind: 'late'; readonly process: number; readonly pick: number; readonly isKilled: boolean }
  | { readonly kind: 'kill'; readonly invocation: number; readonly retried: boolean }
  | { readonly kind: 'deliver'; readonly event: number; readonly twice: boolean }
  | { readonly kind: 'lose'; readonly event: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'leave'; readonly device: number }
  | { readonly kind: 'ledger'; readonly refuses: boolean }
  | { readonly kind: 'take over' | 'tick' | 'pause' | 'resume' | 'misconfigure' | 'join' };

const which = fc.nat({ max: 5 });
const few = fc.integer({ min: 1, max: 6 });
const many = fc.integer({ min: 7, max: 40 });
const step = fc.constant('step');
/** Where an invocation may be stopped: in front of a statement with these words, an invoke or a push. */
const point = fc.constantFrom(
  ...['claims + 1', 'SET last_id', 'invokes', 'handed_over = 1', 'begins to push', 'hears of'],
  ...[
    'INTO push_delivery',
    'closed_at = ',
    'COUNT(closed_at)',
    'IGNORE INTO push_hop',
    'UPDATE push_delivery',
  ],
  ...["status = 'done'", 'owner = NULL', 'SET lease_until'],
);
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: step, invocation: which, calls: few, pick: which }) },
  { weight: 6, arbitrary: fc.record({ kind: step, invocation: which, calls: many, pick: which }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('step before'), invocation: which, call: point }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('deliver'), event: which, twice: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(1, 4000, 45_000, 55_000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('take over') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tick') }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('fail'), invocation: which, done: fc.boolean(), pick: which }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('late'),
      process: which,
      pick: which,
      isKilled: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('kill'), invocation: which, retried: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose'), event: which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('pause', 'resume', 'misconfigure', 'join') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), device: many }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ledger'), refuses: fc.boolean() }) },
);

const kindOfDevice = fc.oneof(
  { weight: 8, arbitrary: fc.constant('delivered') },
  fc.constantFrom('unregistered', 'rejected'),
);
const answer = fc.oneof(
  { weight: 4, arbitrary: fc.constant('takes') },
  fc.constantFrom('retryable', 'lost', 'dropped'),
);
/** Small audiences reach the narrow corners; large ones show that size does not matter. */
const sizes = fc.oneof({ weight: 2, arbitrary: fc.constant(4) }, fc.constant(40));
const setup: fc.Arbitrary<Setup> = sizes.chain((maxLength) =>
  fc.record({
    devices: fc.array(kindOfDevice, { maxLength, size: 'max' }),
    guarantee: fc.constantFrom('at-least-once', 'at-most-once'),
    pageSize: fc.integer({ min: 1, max: Math.min(12, maxLength) }),
    batchSize: fc.integer({ min: 1, max: 5 }),
    window: fc.integer({ min: 1, max: 8 }),
    isBusy: fc.boolean(),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    lanes: fc.integer({ min: 1, max: 3 }),
    scheduled: fc.boolean(),
    answers: fc.array(answer, { minLength: 1, maxLength: 10 }),
  }),
);

const moves = fc.array(move, { maxLength: 60, size: 'max' });
/** Whether invocations that wait when the world heals continue before the others, or only when all is done. */
const sleepers = fc.constantFrom('first', 'last');

/** Number of random worlds; PROTOCOL_WORLDS asks for more, and never for fewer than MIN_WORLDS. */
const MIN_WORLDS = 1000;
const WORLDS = Math.max(MIN_WORLDS, Number(process.env['PROTOCOL_WORLDS'] ?? MIN_WORLDS));

test(
  `in ${WORLDS} worlds, whatever fails, is killed or arrives late, twice or never: no device is lost, and every repeat has its excuse`,
  { timeout: 600_000 },
  async () => {
    let worlds = 0;
    await fc.assert(
      fc.asyncProperty(setup, moves, sleepers, async (options, played, when) => {
        const world = await makeWorld(options);
        try {
          for (const each of played) await play(world, each);
          await heal(world, options, when);
          await check(world, options);
        } finally {
          await world.close();
        }
        worlds++;
      }),
      // Without PROTOCOL_WORLDS the worlds are the same on every machine.
      { numRuns: WORLDS, ...(process.env['PROTOCOL_WORLDS'] ? {} : { seed: 1 }) },
    );
    process.stdout.write(`protocol: ${worlds} worlds tried\n`);
    expect(worlds).toBeGreaterThanOrEqual(MIN_WORLDS);
  },
);

async function play(world: World, each: Move): Promise<void> {
  const invocations = world.live();
  const invocation = 'invocation' in each ? invocations[each.invocation % invocations.length] : undefined;
  const nth = 'event' in each ? each.event % Math.max(1, world.queue.length) : 0;
  switch (each.kind) {
    case 'step':
      if (invocation) await world.letGo(invocation, each.calls, each.pick);
      return;
    case 'step before':
      if (invocation) await world.letGoBefore(invocation, each.call);
      return;
    case 'fail':
      if (invocation)
        await world.step(invocation, each.done ? 'done, but answered with an error' : 'refused', each.pick);
      return;
    case 'late': {
      const processes = world.idle();
      const process = processes[each.process % Math.max(1, processes.length)];
      if (process && each.isKilled) world.kill(process, 'between two invocations', false);
      else if (process) await world.step(process, 'done', each.pick);
      return;
    }
    case 'kill':
      if (invocation) world.kill(invocation, 'by a crash', each.retried);
      return;
    case 'deliver':
      return world.deliver(nth, each);
    case 'lose':
      world.queue.splice(nth, 1);
      return;
    case 'wait':
      return world.wait(each.ms);
    case 'tick':
      return void (await world.begin({ kind: 'scan' }, 1));
    case 'take over':
      // The leases of all waiting invocations run out, and a tick wakes other invocations.
      world.wait(LEASE_MS + 1);
      await world.letGo(await world.begin({ kind: 'scan' }, 1));
      return world.deliver(world.queue.length - 1, { twice: false });
    case 'pause':
      return world.pause();
    case 'resume':
      return world.resume();
    case 'misconfigure':
      return world.misconfigure();
    case 'join':
      return world.join();
    case 'leave':
      return world.leave(each.device);
    case 'ledger':
      return world.refuseDeliveries(each.refuses);
  }
}

async function heal(world: World, options: Setup, when: 'first' | 'last'): Promise<void> {
  world.note('heals');
  world.refuseDeliveries(false);
  const asleep = new Set(when === 'last' ? [...world.live(), ...world.idle()] : []);
  const finish = async (): Promise<void> => {
    for (let invocation; (invocation = world.live().find((each) => !asleep.has(each)));) {
      while (!invocation.ended) await world.step(invocation, 'done');
    }
    for (let process; (process = world.idle().find((each) => !asleep.has(each)));) {
      await world.step(process, 'done');
    }
  };
  const status = async () => (await world.store.fetchAnnouncement(world.announcementId))?.status;

  // An invocation that still waits may be killed by its time-out, and Lambda retries it.
  const expected = world.invocations() + world.queue.length + 3 * world.live().length;
  let ticks = 0;
  await finish();
  while ((await status()) !== 'done') {
    // A lease and a retry's wait are over after three ticks, and each attempt may need both.
    expect(++ticks, `ticks\n${world.story.join('\n')}`).toBeLessThan(8 + 8 * options.maxAttempts);
    await world.resume();
    await world.startAgain();
    await world.begin({ kind: 'scan' }, 1);
    await finish();
    while (world.queue.length > 0) {
      await world.deliver(0, { twice: false });
      await finish();
    }
    world.wait(RETRY_MS);
  }
  // Each hop is invoked by the hop before it and by a tick, and an invocation that finds it taken ends; the start may be manual.
  const hops = (await world.allRows('push_hop')).length;
  expect(
    world.invocations() - expected - ticks,
    `invocations\n${world.story.join('\n')}`,
  ).toBeLessThanOrEqual(1 + 2 * hops);

  asleep.clear();
  await finish();
}

async function check(world: World, options: Setup): Promise<void> {
  const story = `\n${world.story.join('\n')}`;
  const hops = await world.allRows('push_hop');
  const most = Math.max(1, Math.ceil((options.devices.length + world.joined()) / options.pageSize));
  for (let round = 0; round <= options.maxAttempts; round++) {
    const count = hops.filter((hop) => hop['round'] === round).length;
    // Each lane may end with a page that is not full.
    const lanes = round === 0 ? options.lanes - 1 : 0;
    expect(count, `hops of round ${round}${story}`).toBeLessThanOrEqual(
      round < options.maxAttempts ? most + lanes : 0,
    );
  }
  const rows = await world.allRows('push_delivery');
  const recorded = new Set(rows.map((row) => row['device_id']));
  expect(recorded.size, `one row for each device${story}`).toBe(rows.length);
  const totals = (await world.store.fetchTotals([world.announcementId])).get(world.announcementId)!;
  expect(totals.counts, `the hops count what the ledger has${story}`).toEqual(
    await world.store.countDeliveries(world.announcementId),
  );
  const { audience, ...parts } = balanceOf(totals)!;
  expect(
    Object.values(parts).reduce((sum, part) => sum + part),
    `balance${story}`,
  ).toBe(audience);
  // A device that was refused with all others, and was deleted before they were sent again.
  const gone = options.devices.length - world.audience.size;
  expect(parts.unsent, `unsent${story}`).toBeLessThanOrEqual(gone);
  for (const device of world.audience) expect(recorded, `device ${device} is lost${story}`).toContain(device);

  for (const { device_id: device, verdict, retry_at: retryAt } of rows) {
    if (!world.audience.has(Number(device))) continue;
    const words = `device ${String(device)}, ${String(verdict)}${story}`;
    expect(['delivered', 'unregistered', 'rejected', 'unknown'], words).toContain(verdict);
    expect(retryAt, words).toBeNull();
    const pushes = world.pushes.filter(({ deviceId }) => deviceId === device);
    const accepted = pushes.some((push) => push.accepted);
    const kind = options.devices[Number(device) - 1];
    if (verdict === 'delivered') expect(accepted, words).toBe(true);
    if (verdict === 'unregistered') expect(kind, words).toBe('unregistered');
    if (kind !== 'delivered' || accepted) continue;
    // FCM never accepted it, though it would have: every attempt was made, or the guarantee forbids another one.
    if (options.guarantee === 'at-most-once' && verdict === 'unknown') continue;
    const rounds = new Set(pushes.map(({ invocation }) => roundOf(invocation)));
    expect(rounds.size, `attempts at ${words}`).toBe(options.maxAttempts);
  }
}
