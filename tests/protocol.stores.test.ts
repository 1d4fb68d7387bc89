/**
 * The protocol, in random worlds. The product's own hops and ticks run on a real database (SQLite in memory); Lambda, FCM
 * and the clock are the test's. A run waits in front of every statement, every invoke and every half batch, until one of
 * the moves below lets it do that one call, fails it, or kills it there for good. A run that is let wait while the clock
 * goes on is a zombie: its lease is over, another has its hop, and then it goes on. (A run that has done a call and waits
 * in front of the next one is the same as one that was stopped after the first.)
 *
 * After the moves the world heals: nothing fails any more, FCM takes what it will ever take, and the tick comes. The
 * announcement must then be done within a bounded number of ticks and runs. While it goes on the world checks each push
 * and each invoke, see support/protocol-world.ts; at the end `check` looks at the ledger.
 */
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LEASE_MS, makeWorld, RETRY_MS, roundOf, type Setup, type World } from './support/protocol-world.ts';

type Move =
  | { readonly kind: 'step'; readonly run: number; readonly calls: number }
  | { readonly kind: 'step before'; readonly run: number; readonly call: string }
  | { readonly kind: 'fail'; readonly run: number; readonly done: boolean }
  | { readonly kind: 'kill'; readonly run: number; readonly retried: boolean }
  | { readonly kind: 'deliver'; readonly event: number; readonly twice: boolean }
  | { readonly kind: 'lose'; readonly event: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'leave'; readonly device: number }
  | { readonly kind: 'take over' | 'tick' | 'pause' | 'resume' | 'misconfigure' | 'join' };

const which = fc.nat({ max: 5 });
const few = fc.integer({ min: 1, max: 6 });
const many = fc.integer({ min: 7, max: 40 });
const step = fc.constant('step');
/** Where a run is worth stopping: in front of a statement with these words, an invoke or a push. */
const point = fc.constantFrom(
  ...['claims + 1', 'SET last_id', 'invokes', 'handed_over = 1', 'begins to push', 'is half through'],
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
  { weight: 4, arbitrary: fc.record({ kind: step, run: which, calls: few }) },
  { weight: 6, arbitrary: fc.record({ kind: step, run: which, calls: many }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('step before'), run: which, call: point }) },
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
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail'), run: which, done: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill'), run: which, retried: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose'), event: which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('pause', 'resume', 'misconfigure', 'join') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), device: many }) },
);

const kindOfDevice = fc.oneof(
  { weight: 8, arbitrary: fc.constant('delivered') },
  fc.constantFrom('unregistered', 'rejected'),
);
const answer = fc.oneof(
  { weight: 4, arbitrary: fc.constant('takes') },
  fc.constantFrom('retryable', 'lost', 'dropped'),
);
/** Small ones get into the narrow corners; the others show that size does not matter. */
const sizes = fc.oneof({ weight: 2, arbitrary: fc.constant(4) }, fc.constant(40));
const setup: fc.Arbitrary<Setup> = sizes.chain((maxLength) =>
  fc.record({
    devices: fc.array(kindOfDevice, { maxLength, size: 'max' }),
    guarantee: fc.constantFrom('at-least-once', 'at-most-once'),
    pageSize: fc.integer({ min: 1, max: Math.min(12, maxLength) }),
    chunkSize: fc.integer({ min: 1, max: 5 }),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    lanes: fc.integer({ min: 1, max: 3 }),
    scheduled: fc.boolean(),
    answers: fc.array(answer, { minLength: 1, maxLength: 10 }),
  }),
);

const moves = fc.array(move, { maxLength: 60, size: 'max' });
/** Whether runs that wait when the world heals go on before the others, or only when all is done. */
const sleepers = fc.constantFrom('first', 'last');

// What a run does by the real clock while it waits for FCM, it must not do while the test lets it wait.
beforeAll(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterAll(() => void vi.useRealTimers());

test('whatever fails, is killed, comes late, twice or never: nobody is lost, and a repeat has its excuse', async () => {
  await fc.assert(
    fc.asyncProperty(setup, moves, sleepers, async (given, made, when) => {
      const world = await makeWorld(given);
      try {
        for (const each of made) await play(world, each);
        await heal(world, given, when);
        await check(world, given);
      } finally {
        await world.close();
      }
    }),
    { numRuns: 2500, interruptAfterTimeLimit: 10_000 },
  );
});

async function play(world: World, each: Move): Promise<void> {
  const runs = world.live();
  const run = 'run' in each ? runs[each.run % runs.length] : undefined;
  const nth = 'event' in each ? each.event % Math.max(1, world.queue.length) : 0;
  switch (each.kind) {
    case 'step':
      if (run) await world.letGo(run, (calls) => calls < each.calls);
      return;
    case 'step before':
      if (run) await world.letGo(run, (calls) => calls === 0 || !run.at.includes(each.call));
      return;
    case 'fail':
      if (run) await world.step(run, each.done ? 'done, but answered with an error' : 'refused');
      return;
    case 'kill':
      if (run) world.kill(run, 'by a crash', each.retried);
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
      // The leases of all that wait are over, and a tick has woken somebody else.
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
  }
}

async function heal(world: World, given: Setup, when: 'first' | 'last'): Promise<void> {
  world.tell('heals');
  const asleep = new Set(when === 'last' ? world.live() : []);
  const finish = async (): Promise<void> => {
    for (let run; (run = world.live().find((each) => !asleep.has(each)));) {
      while (!run.ended) await world.step(run, 'done');
    }
  };
  const status = async () => (await world.store.fetchAnnouncement(world.announcementId))?.status;

  // A run that still waits may be killed by its time-out, and Lambda tries it again.
  const expected = world.runs() + world.queue.length + 3 * world.live().length;
  let ticks = 0;
  await finish();
  while ((await status()) !== 'done') {
    // A lease and a retry's wait are over after three ticks, and each attempt may need both.
    expect(++ticks, `ticks\n${world.story.join('\n')}`).toBeLessThan(8 + 8 * given.maxAttempts);
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
  // Each hop is woken by the one before and by a tick, and a run that finds it taken ends; the start may come by hand.
  const hops = (await world.allRows('push_hop')).length;
  expect(world.runs() - expected - ticks, `runs\n${world.story.join('\n')}`).toBeLessThanOrEqual(
    1 + 2 * hops,
  );

  asleep.clear();
  await finish();
}

async function check(world: World, given: Setup): Promise<void> {
  const story = `\n${world.story.join('\n')}`;
  const hops = await world.allRows('push_hop');
  const most = Math.max(1, Math.ceil((given.devices.length + world.joined()) / given.pageSize));
  for (let round = 0; round <= given.maxAttempts; round++) {
    const count = hops.filter((hop) => hop['round'] === round).length;
    // Each lane may end with a page that is not full.
    const lanes = round === 0 ? given.lanes - 1 : 0;
    expect(count, `hops of round ${round}${story}`).toBeLessThanOrEqual(
      round < given.maxAttempts ? most + lanes : 0,
    );
  }
  const rows = await world.allRows('push_delivery');
  const recorded = new Set(rows.map((row) => row['device_id']));
  expect(recorded.size, `rows, one a device${story}`).toBe(rows.length);
  for (const device of world.audience) expect(recorded, `device ${device} is lost${story}`).toContain(device);

  for (const { device_id: device, verdict, retry_at: retryAt } of rows) {
    if (!world.audience.has(Number(device))) continue;
    const words = `device ${String(device)}, ${String(verdict)}${story}`;
    expect(['delivered', 'unregistered', 'rejected', 'unknown'], words).toContain(verdict);
    expect(retryAt, words).toBeNull();
    const pushes = world.pushes.filter(({ deviceId }) => deviceId === device);
    const accepted = pushes.some((push) => push.accepted);
    const kind = given.devices[Number(device) - 1];
    if (verdict === 'delivered') expect(accepted, words).toBe(true);
    if (verdict === 'unregistered') expect(kind, words).toBe('unregistered');
    if (kind !== 'delivered' || accepted) continue;
    // FCM never took it, though it would have: it was tried as often as promised, or nobody may try again.
    if (given.guarantee === 'at-most-once' && verdict === 'unknown') continue;
    const rounds = new Set(pushes.map(({ run }) => roundOf(run)));
    expect(rounds.size, `attempts at ${words}`).toBe(given.maxAttempts);
  }
}
