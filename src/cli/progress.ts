import { Writable } from 'node:stream';
import { SingleBar } from 'cli-progress';
import type { Progress } from '../local/follow.ts';
import { sumCounts } from '../model/delivery.ts';
import { formatCount, formatTimer, formatWholeShare } from '../words.ts';
import type { Terminal } from './terminal.ts';

const BAR_WIDTH = 24;

/** Seconds between two lines, where there is no terminal to draw a bar on. */
const SECONDS_PER_LINE = 5;

/** `ProgressBar` shows how far a broadcast is. */
export interface ProgressBar {
  show(progress: Progress): void;
  /** `end` leaves the last state on its line. Call it before printing anything else; a second call has no effect. */
  end(): void;
}

/**
 * `makeProgressBar` makes a bar for `total` pushes: drawn over itself on a terminal, otherwise a line every five seconds.
 */
export function makeProgressBar(total: number, terminal: Terminal): ProgressBar {
  return terminal.live ? makeLiveBar(total, terminal) : makeLines(total, terminal);
}

function makeLiveBar(total: number, { err, width }: Terminal): ProgressBar {
  const write = (chunk: unknown, _encoding: BufferEncoding, done: () => void): void => {
    err(String(chunk));
    done();
  };
  const stream = Object.assign(new Writable({ write, decodeStrings: false }), { isTTY: true });
  Object.defineProperty(stream, 'columns', { get: width });
  let latest: Progress | null = null;
  const bar = new SingleBar({
    stream,
    barsize: BAR_WIDTH,
    // The bar changes no mode of the terminal: Ctrl-C ends the process at once, and nothing would change it back.
    linewrap: true,
    format: (_options, { eta }) => (latest === null ? '' : describe(total, latest, eta)),
  });
  return {
    show(progress) {
      latest = progress;
      if (!bar.isActive) bar.start(total, 0);
      bar.update(countRecorded(progress));
    },
    end: () => bar.stop(),
  };
}

function makeLines(total: number, { err }: Terminal): ProgressBar {
  let nextLineAt = SECONDS_PER_LINE;
  return {
    show(progress) {
      const { seconds } = progress;
      if (seconds < nextLineAt) return;
      nextLineAt = seconds + SECONDS_PER_LINE;
      const count = countRecorded(progress);
      const etaSeconds = count === 0 ? Infinity : ((total - count) / count) * seconds;
      err(`${describe(total, progress, etaSeconds)}\n`);
    },
    end: () => {},
  };
}

function describe(total: number, progress: Progress, etaSeconds: number): string {
  const { announcement, hops, lambda, seconds } = progress;
  const count = countRecorded(progress);
  const share = total === 0 ? 1 : Math.min(1, count / total);
  return [
    drawBar(share),
    `${formatCount(count)} of ${formatCount(total)}`,
    `${formatCount(count / Math.max(seconds, 0.001))}/s`,
    ...(share < 1 && Number.isFinite(etaSeconds) ? [`ETA ${formatTimer(etaSeconds * 1000)}`] : []),
    `hops ${hops.closed} done, ${hops.open} open`,
    `${lambda.inFlight} running`,
    ...(announcement.statusReason === null ? [] : [announcement.statusReason]),
  ].join('  ');
}

/** `drawBar` draws a share from 0 to 1, and writes it in percent. */
export function drawBar(share: number): string {
  const width = Math.round(share * BAR_WIDTH);
  return `[${'#'.repeat(width)}${'-'.repeat(BAR_WIDTH - width)}] ${formatWholeShare(share).padStart(4)}`;
}

function countRecorded({ counts }: Progress): number {
  return sumCounts(counts);
}
