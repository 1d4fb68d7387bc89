import type { Context } from '../context.ts';
import { asTested, sendTests, type Tested } from '../messages/test-sends.ts';
import { describeTestSend, type TestSendWords } from '../report/test-sends.ts';
import { onOneLine } from '../words.ts';
import { composeAnnouncement, findNamed } from './choose-announcement.ts';
import { flagOf, refuse } from './options.ts';
import type { PushOptions } from './push-options.ts';
import { withTerminalContext } from './terminal-context.ts';
import type { Terminal } from './terminal.ts';

/** So long a test send may wait for room in the budget and for FCM's answers. */
const TEST_MS = 60_000;

/** What says when and how a broadcast goes on: a test send has none of it. */
const NOT_BESIDE = ['at', 'resume', 'expect', 'localTime', 'repeat'] as const;

/** `pushTests` sends the message to the devices of --to now; the exit status is 1 if one of them did not get it. */
export async function pushTests(options: PushOptions, terminal: Terminal): Promise<number> {
  const beside = NOT_BESIDE.find((name) => options[name] !== null && options[name] !== false);
  if (beside !== undefined) throw refuse('--to', `no ${flagOf(beside)} beside it`, 'both');
  return withTerminalContext(terminal, { forMs: TEST_MS, verbose: options.verbose }, async (ctx) => {
    const tested = await chooseTested(options, ctx);
    const sends = (await sendTests(ctx, tested, options.to)).map((each) => describeTestSend(each, tested));
    terminal.out(options.json ? `${JSON.stringify(asJson(tested, sends))}\n` : describe(tested, sends));
    return sends.every(({ verdict }) => verdict === 'delivered') ? 0 : 1;
  });
}

/** A text of --title and --body becomes no announcement: nothing is left behind that could be sent to everybody. */
async function chooseTested(options: PushOptions, { store, config }: Context): Promise<Tested> {
  const { announcement: announcementId, dryRun } = options;
  if (announcementId !== null) return asTested(await findNamed(announcementId, store), { dryRun });
  return { ...(await composeAnnouncement(options, config)), announcementId: 0 };
}

function asJson({ announcementId, dryRun }: Tested, sends: readonly TestSendWords[]): object {
  return { announcementId: announcementId === 0 ? null : announcementId, dryRun, sends };
}

function describe({ announcementId, dryRun }: Tested, sends: readonly TestSendWords[]): string {
  const what = announcementId === 0 ? 'a text that is no announcement' : `announcement ${announcementId}`;
  const count = `${sends.length} ${sends.length === 1 ? 'device' : 'devices'}`;
  return [
    `test of ${what}, to ${count}${dryRun ? ' (dry run: FCM checked every message and showed none)' : ''}`,
    ...sends.flatMap(({ deviceId, says, remedy }) => [
      `  device ${deviceId}: ${onOneLine(says)}`,
      ...(remedy === null ? [] : [`    → ${remedy}`]),
    ]),
    '',
  ].join('\n');
}
