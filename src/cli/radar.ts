import { styleText } from 'node:util';
import { systemClock } from '../clock.ts';
import { parseConfig } from '../config/config.ts';
import { openStore } from '../db/open.ts';
import { messageOf } from '../errors.ts';
import type { Notice } from '../model/notice.ts';
import { byUrgency, type Examination, examineRadar, type Look } from '../radar/examine.ts';
import { makeRadarTools } from '../radar/tools.ts';
import { withoutOwnProcess, withStanding } from '../radar/standing.ts';
import type { Store } from '../store.ts';
import { countOf, onOneLine } from '../words.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION } from './options.ts';

/** The findings are worth more than the patience of a broadcast. */
const PATIENCE = { connectTimeoutMs: 5000, maxTries: 1 };

export const radarCommand = defineCommand({
  description:
    "What is about to be retired? Compares FCM's description of its API with what Baton sends, and Node, the base image, the " +
    'database and the keys with dates that are known, and repeats what the canaries have shown. Prints one line for each ' +
    'finding: red is due within 60 days or past, amber within 180. It ends with status 1 if something is red. Findings are ' +
    'recorded, and the next tick sends the alerts; what is found about this machine alone is not recorded.',
  examples: [
    ['baton radar', 'What there is to know'],
    ['baton radar --json', 'The same for a program'],
  ],
  options: { json: JSON_OPTION },
  async run({ options: { json } }, { env, out, err }) {
    const config = parseConfig(env);
    let opening: Promise<Store> | null = null;
    const open = (): Promise<Store> => (opening ??= openStore(config.database, systemClock, PATIENCE));
    try {
      const own = await examineRadar(await makeRadarTools(config, systemClock, open));
      const examination = await addCanaries(own, open);
      const isOk = examination.notices.every(({ level }) => level !== 'red');
      out(json ? `${JSON.stringify({ ok: isOk, ...examination })}\n` : describe(examination));
      await open().then(
        (store) => record(store, own),
        (error: unknown) => err(`not recorded: ${messageOf(error)}\n`),
      );
      return isOk ? 0 : 1;
    } finally {
      await open()
        .then((store) => store.close())
        .catch(() => {});
    }
  },
});

/**
 * Adds what the check of the canaries has found and recorded: what FCM accepts and phones do not receive may have been retired,
 * too, and a person sees both in one place.
 */
async function addCanaries(
  { notices, looks }: Examination,
  open: () => Promise<Store>,
): Promise<Examination> {
  const part = 'canaries';
  try {
    const standing = await (await open()).fetchNotices();
    const ofCanaries = standing
      .filter(({ check }) => check === 'canary')
      .map(({ name, level, says, remedy, dueOn, source }) => ({ name, level, says, remedy, dueOn, source }));
    const look: Look = {
      part,
      hasVerdict: true,
      isBlind: false,
      says: `what their last pushes have shown: ${countOf(ofCanaries.length, 'notice')}`,
    };
    return { notices: [...notices, ...ofCanaries].toSorted(byUrgency), looks: [...looks, look] };
  } catch (error) {
    return { notices, looks: [...looks, { part, hasVerdict: false, isBlind: true, says: messageOf(error) }] };
  }
}

/** The checks of the function are its own: a run at a terminal does not count as one. */
async function record(store: Store, { notices, looks }: Examination): Promise<void> {
  const shared = withoutOwnProcess(notices, looks);
  await store.recordNotices('radar', withStanding(shared.notices, shared.looks, await store.fetchNotices()));
}

function describe({ notices, looks }: Examination): string {
  const blind = looks.filter(({ isBlind }) => isBlind).length;
  const nothing =
    blind === 0 ? 'nothing found' : `nothing found, but ${blind} of ${looks.length} parts could not look`;
  return [
    ...notices.map(describeNotice),
    ...(notices.length === 0 ? [`${nothing}\n`] : []),
    'looked at:\n',
    ...looks.map(describeLook),
  ].join('');
}

/** `styleText` adds colours only if the output is a terminal that supports them. */
function describeNotice({ level, dueOn, name, says, remedy, source }: Notice): string {
  const mark = styleText(level === 'red' ? 'red' : 'yellow', level.padEnd(5));
  const advice = styleText('bold', `→ ${onOneLine(remedy)}`);
  return `${mark}  ${dueOn ?? 'now'}  ${name}  ${onOneLine(says)}  ${advice}  (${onOneLine(source)})\n`;
}

function describeLook({ part, hasVerdict, says }: Look): string {
  return `  ${part.padEnd(14)}  ${hasVerdict ? '' : 'no verdict: '}${onOneLine(says)}\n`;
}
