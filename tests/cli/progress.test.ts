import { expect, test } from 'vitest';
import { makeProgressBar } from '../../src/cli/progress.ts';
import type { Progress } from '../../src/local/follow.ts';
import { countVerdicts } from '../../src/model/delivery.ts';
import { makeTerminal } from '../support/baton.ts';
import { draft } from '../support/context.ts';

function progressAt(seconds: number, delivered: number, statusReason: string | null = null): Progress {
  return {
    announcement: {
      ...draft,
      announcementId: 1,
      audience: 'devices',
      status: 'running',
      acceptUnregistered: false,
      statusReason,
      problem: null,
      edited: [],
    },
    counts: { ...countVerdicts([]), delivered },
    hops: { open: 1, closed: 3 },
    lambda: { inFlight: 2 } as Progress['lambda'],
    seconds,
  };
}

test('without a terminal there is one line per five seconds, with rate and remaining time', () => {
  const terminal = makeTerminal();
  const bar = makeProgressBar(20_000, terminal);
  for (const seconds of [1, 4.9, 5, 6, 9.9, 10]) bar.show(progressAt(seconds, 1000 * seconds));
  bar.end();
  expect(terminal.printed.err).toBe(
    [
      '[######------------------]  25%  5,000 of 20,000  1,000/s  ETA 0:15  hops 3 done, 1 open  2 running',
      '[############------------]  50%  10,000 of 20,000  1,000/s  ETA 0:10  hops 3 done, 1 open  2 running',
      '',
    ].join('\n'),
  );
});

test('nothing recorded yet has no remaining time, and the reason of the status ends the line', () => {
  const terminal = makeTerminal();
  makeProgressBar(10, terminal).show(progressAt(5, 0, 'FCM throttles'));
  expect(terminal.printed.err).toContain('0 of 10  0/s  hops 3 done, 1 open  2 running  FCM throttles\n');
});

test('on a terminal the bar is drawn over itself, cut to the width, and ends with its last state', () => {
  const terminal = makeTerminal({ live: true, width: () => 60 });
  const bar = makeProgressBar(4, terminal);
  bar.show(progressAt(1, 1));
  bar.show(progressAt(2, 4));
  bar.end();
  bar.end();
  const { err } = terminal.printed;
  expect(err).toContain('[######------------------]  25%  1 of 4');
  expect(err).toContain('[########################] 100%  4 of 4');
  expect(err.endsWith('\n')).toBe(true);
  // oxlint-disable-next-line no-control-regex
  for (const line of err.split(/\u001b\[\w+|\u001b\d|\n/)) expect(line.length).toBeLessThanOrEqual(60);
});

test('a broadcast to no device is complete', () => {
  const terminal = makeTerminal();
  makeProgressBar(0, terminal).show(progressAt(5, 0));
  expect(terminal.printed.err).toContain('100%  0 of 0');
});
