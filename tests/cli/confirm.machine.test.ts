import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { batonHere, type Finished, makeTerminal, makeWorkplace, type Workplace } from '../support/baton.ts';
import { hasPseudoTerminal, startInTerminal } from '../support/pseudo-terminal.ts';

const LARGE = { CONFIRM_ABOVE: '2' };
const PUSH = ['push', '--title', 'Back at 9', '--body', 'The shop\nopens late.', '--workers', '1'];
const LATER = [...PUSH, '--at', '2030-12-24T18:07Z'];
const ENTER = '\r';
const CTRL_C = '\u0003';

/** For a test that hangs, on a machine that has much else to do. */
vi.setConfig({ testTimeout: 180_000 });

let here: Workplace;

beforeEach(async () => {
  here = await makeWorkplace();
  await here.openStore();
  await here.importCsv('token\ntoken-1\ntoken-2\ntoken-3\n', '--force');
});
afterEach(() => here[Symbol.asyncDispose]());

const countAnnouncements = async () => (await (await here.openStore()).fetchLatest(10)).length;

/** Runs a command at a dialog, and types each answer when the screen shows its words. */
async function answer(
  args: readonly string[],
  answers: readonly (readonly [shows: string, keys: string])[],
): Promise<Finished & { screen: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let screen = '';
  output.on('data', (text) => (screen += String(text)));
  const terminal = makeTerminal({ env: { ...here.env, ...LARGE }, dialog: { input, output } });
  const command = batonHere(args, here.env, terminal);
  let seen = 0;
  for (const [shows, keys] of answers) {
    while (!stripVTControlCharacters(screen).slice(seen).includes(shows)) await sleep(5);
    seen = stripVTControlCharacters(screen).length;
    input.write(keys);
  }
  return { ...(await command), screen: stripVTControlCharacters(screen) };
}

test.runIf(hasPseudoTerminal)(
  'in a terminal a large push waits until its number is typed, and then goes on',
  async () => {
    await using push = startInTerminal(PUSH, { ...here.env, ...LARGE });
    await push.shows('Type the number of devices, 3, to push');
    expect(await countAnnouncements()).toBe(0);
    push.type(`4${ENTER}`);
    await push.shows('expected 3, got another answer');
    expect(here.sandbox.accepted.size).toBe(0);
    push.type(`\b3${ENTER}`);
    expect(await push.status).toBe(0);
    const screen = push.screen();
    expect(screen).toContain('audience: 3: every device; source default');
    expect(screen).toContain('title: Back at 9');
    expect(screen).toContain('body: The shop opens late.');
    expect(screen).toMatch(/start: \d{4}-.*UTC; end: .*UTC, after/);
    expect(screen).toMatch(/cost on AWS: \$\d/);
    expect(screen).toContain('announcement 1 done');
    expect(here.sandbox.accepted.size).toBe(3);
  },
);

test('piped, a large push needs --yes: it is refused without, leaves nothing behind, and asks nothing with it', async () => {
  for (const args of [PUSH, LATER]) {
    expect(await here.baton(args, LARGE)).toEqual({
      status: 2,
      out: '',
      err: 'baton push: --yes: expected it beside a push to more than 2 devices (CONFIRM_ABOVE) where nobody can be asked, got a push to 3 without it\n',
    });
  }
  expect(await countAnnouncements()).toBe(0);
  const scheduled = await here.baton([...LATER, '--yes'], LARGE);
  expect(scheduled).toMatchObject({ status: 0, out: expect.stringContaining('1 scheduled'), err: '' });
  // An announcement of the table is no exception.
  const store = await here.openStore();
  const id = await store.createAnnouncement((await store.fetchAnnouncement(1)) as never);
  expect(await here.baton(['push', '--announcement', String(id)], LARGE)).toMatchObject({ status: 2 });
  expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'draft' });
});

test('a large push for later asks as well; Ctrl-C sends nothing and leaves nothing behind', async () => {
  const left = await answer(LATER, [['Type the number', CTRL_C]]);
  expect(left).toMatchObject({ status: 130, out: '', err: 'nothing was sent\n' });
  expect(await countAnnouncements()).toBe(0);
  const typed = await answer(LATER, [['Type the number', `3${ENTER}`]]);
  expect(typed).toMatchObject({
    status: 0,
    out: expect.stringContaining('announcement 1 scheduled for 2030'),
  });
  expect(typed.screen).toContain('start: 2030-12-24 18:07:00 UTC');
});

test('a push to as many devices as CONFIRM_ABOVE says, or a dry run, asks nothing', async () => {
  expect(await here.baton(LATER, { CONFIRM_ABOVE: '3' })).toMatchObject({ status: 0, err: '' });
  expect(await here.baton([...LATER, '--dry-run'], LARGE)).toMatchObject({ status: 0, err: '' });
});

test('a push that may not start ends with the reasons, its own maker cannot approve it, and --resume accepts its audience', async () => {
  const required = { APPROVAL: 'required' };
  const paused = await here.baton([...PUSH, '--expect', '20'], required);
  const reason = 'audience: expected about 20, got 3: resume to send it all the same';
  expect(paused.out).toContain(`announcement 1 paused\n${reason}; waits for approval\n`);
  expect(paused.out).toContain('a second person approves it: `baton approve 1`');
  expect(paused.out).toContain('to send it all the same: `baton push --announcement 1 --resume`');
  expect(paused.status).toBe(1);
  for (const args of [
    ['resume', '1'],
    ['push', '--announcement', '1', '--resume'],
  ]) {
    const { status, err } = await here.baton(args, required);
    expect(err).toContain('expected approval by a second person first (baton approve 1)');
    expect(status).toBe(1);
  }
  const own = await here.baton(['approve', '1']);
  expect(own).toMatchObject({ status: 1, err: expect.stringContaining('caller: expected a second person') });
  const explained = await here.baton(['explain', '1']);
  expect(explained.out).toContain('remedy: `baton approve 1` by a second person, and then `baton resume 1`');

  const store = await here.openStore();
  await store.approveAnnouncement(1, 'cli:ben', { goesOn: true });
  expect((await here.baton(['status', '1'])).out).toContain('approved by cli:ben');
  // As the next tick would do.
  await store.moveAnnouncement(1, ['scheduled'], 'paused', reason);
  const sent = await here.baton(['push', '--announcement', '1', '--resume', '--workers', '1'], {
    ...{ ...required, ...LARGE },
  });
  expect(sent.out).toContain('announcement 1 done');
  expect(here.sandbox.accepted.size).toBe(3);
});

test('--expect is for a new announcement, and one that has to be approved says so when it is scheduled', async () => {
  for (const earlier of [
    ['push', '--announcement', '1'],
    [...PUSH, '--resume'],
  ]) {
    const beside = await here.baton([...earlier, '--expect', '3']);
    expect(beside).toMatchObject({ status: 2, err: expect.stringContaining('--expect: expected a new') });
  }
  expect((await here.baton([...LATER, '--expect', '3'], { APPROVAL: 'required' })).out).toContain(
    'it starts only if a second person has approved it: `baton approve 1`',
  );
  expect(await (await here.openStore()).fetchAnnouncement(1)).toMatchObject({ expectedAudience: 3 });
});
