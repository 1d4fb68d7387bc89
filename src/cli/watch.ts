import { PushError } from '../errors.ts';
import { hasEnded } from '../model/announcement.ts';
import { fetchStanding, type Observer, type Standing } from '../report/standing.ts';
import { standingToJson } from './standing.ts';
import { describeLine, describeStanding } from './status-text.ts';
import { EXIT_INTERRUPTED, type Terminal } from './terminal.ts';

/** Time between two pictures at a terminal, and between two lines elsewhere. */
const DRAW_MS = 1000;
const LINE_MS = 5000;

/** A database that does not answer is asked again for so long. */
const PATIENCE_MS = 60_000;

/**
 * `watch` shows an announcement until it ends, or until Ctrl-C. At a terminal it draws the picture over the last one; the last
 * picture is a result. Elsewhere it prints lines. Resolves to the exit status: 0 if the announcement is done.
 */
export async function watch(
  observer: Observer,
  announcementId: number,
  json: boolean,
  terminal: Pick<Terminal, 'out' | 'err' | 'live' | 'width' | 'interrupted'>,
): Promise<number> {
  const { clock } = observer;
  const { out } = terminal;
  const interrupted = terminal.interrupted().then(() => true);
  const isDrawn = terminal.live && !json;
  const canvas = makeCanvas(terminal);
  let answeredAt = clock.now();
  for (;;) {
    const standing = await fetchStanding(observer, announcementId).catch((error: unknown) => {
      const isDown = error instanceof PushError && error.code === 'DATABASE';
      if (!isDown || clock.now() - answeredAt > PATIENCE_MS) throw error;
      return null;
    });
    if (standing !== null) {
      answeredAt = clock.now();
      const { status } = standing.announcement;
      // A paused announcement can be resumed, and is watched on.
      const isOver = hasEnded(status);
      if (isDrawn) canvas.clear();
      if (isDrawn && !isOver) canvas.draw(describeStanding(standing));
      else out(describe(standing, json, isOver));
      if (isOver) return status === 'done' ? 0 : 1;
    }
    const isInterrupted = await Promise.race([
      interrupted,
      clock.sleep(isDrawn ? DRAW_MS : LINE_MS).then(() => false),
    ]);
    if (isInterrupted) return EXIT_INTERRUPTED;
  }
}

function describe(standing: Standing, json: boolean, isOver: boolean): string {
  if (json) return `${JSON.stringify(standingToJson(standing))}\n`;
  return isOver ? describeStanding(standing) : `${describeLine(standing)}\n`;
}

/** `makeCanvas` draws several lines over the ones before. A line that is wider than the terminal would count as two. */
function makeCanvas({ err, width }: Pick<Terminal, 'err' | 'width'>) {
  let lines = 0;
  return {
    draw(text: string): void {
      const all = text.trimEnd().split('\n');
      lines = all.length;
      err(`${all.map((line) => line.slice(0, width() - 1)).join('\n')}\n`);
    },
    clear(): void {
      if (lines > 0) err(`\u001b[${lines}A\u001b[0J`);
      lines = 0;
    },
  };
}
