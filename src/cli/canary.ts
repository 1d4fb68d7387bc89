import { askCanaries, type PhoneReply } from '../canary/ask.ts';
import { countOf, formatDuration, onOneLine } from '../words.ts';
import { defineCommand } from './command.ts';
import { withTerminalContext } from './terminal-context.ts';
import { flag, JSON_OPTION, wholeNumber } from './options.ts';

/** So long the round may wait for room in the budget and for FCM's answers. */
const SEND_MS = 60_000;

export const canaryCommand = defineCommand({
  description:
    'Do phones get pushes? Sends a silent push to each canary, a phone of the team whose app answers, and waits for the answers, ' +
    'which arrive at POST /receipts of the API. Prints a line for each phone. It ends with status 1 unless all have answered.',
  examples: [
    ['baton canary', 'Ask all canaries, and wait a minute at most'],
    ['baton canary --wait 300 --json', 'The same with more patience, for a program'],
  ],
  options: {
    wait: wholeNumber('SECONDS', 'how long it waits for answers', { min: 0, max: 3600, fallback: 60 }),
    json: JSON_OPTION,
    verbose: flag('print the log'),
  },
  readsSecrets: true,
  async run({ options: { wait, json, verbose } }, terminal) {
    return withTerminalContext(terminal, { forMs: SEND_MS, verbose }, async (ctx) => {
      const replies = await askCanaries(ctx, wait * 1000, (reply) => {
        if (!json) terminal.out(describeReply(reply, wait));
      });
      const answered = replies.filter(({ state }) => state === 'answered').length;
      const ok = answered === replies.length;
      terminal.out(
        json
          ? `${JSON.stringify({ ok, phones: replies })}\n`
          : `${answered} of ${countOf(replies.length, 'canary', 'canaries')} answered\n`,
      );
      return ok ? 0 : 1;
    });
  },
});

function describeReply(reply: PhoneReply, waitSeconds: number): string {
  const { deviceId, platform, remedy } = reply;
  const line = `canary ${deviceId}${platform === null ? '' : ` (${platform})`}: ${describeState(reply, waitSeconds)}\n`;
  return remedy === null ? line : `${line}  → ${onOneLine(remedy)}\n`;
}

function describeState({ state, afterMs, reason }: PhoneReply, waitSeconds: number): string {
  switch (state) {
    case 'answered':
      return `answered after ${formatDuration(afterMs ?? 0)}`;
    case 'silent':
      return `FCM accepted the push, and the phone did not answer in ${countOf(waitSeconds, 'second')}`;
    case 'gone':
      return 'FCM says that the app is gone, or has another token';
    case 'refused':
      return reason === null
        ? 'it is not known whether the push was sent'
        : `the push was not accepted: ${onOneLine(reason)}`;
  }
}
