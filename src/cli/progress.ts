import type { Progress } from '../local/engine.ts';
import { group } from '../local/format.ts';
import type { Terminal } from './command.ts';

export { group };

const WIDTH = 30;

/** Without a terminal to draw on, a line now and then. */
const LINE_EVERY_SECONDS = 5;

/** A bar that is drawn over itself; call the result's `end` before printing anything else. */
export function makeProgressBar(devices: number, { err, live }: Terminal) {
  let nextLineAt = LINE_EVERY_SECONDS;
  return {
    show(progress: Progress): void {
      if (live) {
        err(`\r${describe(devices, progress)}\u001b[K`);
      } else if (progress.seconds >= nextLineAt) {
        nextLineAt = progress.seconds + LINE_EVERY_SECONDS;
        err(`${describe(devices, progress)}\n`);
      }
    },
    end(): void {
      if (live) err('\n');
    },
  };
}

function describe(devices: number, progress: Progress): string {
  const { announcement, counts, hops, lambda, seconds } = progress;
  const recorded = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const share = devices === 0 ? 1 : Math.min(1, recorded / devices);
  const filled = Math.round(share * WIDTH);
  return [
    `[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)}%`,
    `${group(recorded)} of ${group(devices)}`,
    `${group(recorded / Math.max(seconds, 0.001))}/s`,
    `hops ${hops.closed} done, ${hops.open} open`,
    `${lambda.inFlight} running`,
    ...(announcement.statusReason === null ? [] : [announcement.statusReason]),
  ].join('  ');
}
