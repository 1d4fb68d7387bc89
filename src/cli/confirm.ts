import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Announcement, NewAnnouncement } from '../model/announcement.ts';
import { describeAudience } from '../report/audience-text.ts';
import { type Plan, planAnnouncement } from '../report/plan/plan.ts';
import type { Store } from '../store.ts';
import { countOf, formatCount, formatTime, formatTimer, onOneLine } from '../words.ts';
import { type Ask, makeAsk } from './ask.ts';
import { refuse } from './options.ts';
import type { Terminal } from './terminal.ts';

export interface Confirmation {
  /** True: nobody is asked. */
  readonly isGiven: boolean;
  /** When the announcement is to start; null: now. */
  readonly at: Date | null;
}

/**
 * `confirmPush` asks the person at the terminal to type the number of pushes, if there are more than CONFIRM_ABOVE. A dry run
 * needs no confirmation. Throws Interrupted, and PushError('BAD_INPUT') where nobody can be asked.
 */
export async function confirmPush(
  announcement: NewAnnouncement | Announcement,
  { isGiven, at }: Confirmation,
  { store, config }: { readonly store: Store; readonly config: Config },
  { dialog }: Pick<Terminal, 'dialog'>,
): Promise<void> {
  if (isGiven || announcement.dryRun) return;
  const planned = 'announcementId' in announcement ? announcement : asRow(announcement);
  const { devices } = await store.countAudience(planned, 0);
  if (devices <= config.confirmAbove) return;
  if (dialog === null) {
    const expected = `it beside a push to more than ${countOf(config.confirmAbove, 'device')} (CONFIRM_ABOVE) where nobody can be asked`;
    throw refuse('--yes', expected, `a push to ${formatCount(devices)} without it`);
  }
  const ctx = { store, config, clock: systemClock };
  const plan = await planAnnouncement(ctx, planned, { publishAt: at?.getTime() ?? null });
  await askForNumber(await makeAsk(dialog), planned, plan);
}

/** `askForNumber` shows what is about to be sent, and resolves once its number has been typed. Throws Interrupted. */
export async function askForNumber(ask: Ask, announcement: Announcement, plan: Plan): Promise<void> {
  ask.title('This is a large push');
  for (const line of describePush(announcement, plan)) ask.say(line);
  for (const warning of plan.warnings) ask.warn(warning);
  const number = formatCount(plan.audience);
  await ask.text({
    message: `Type the number of devices, ${number}, to push; Ctrl-C sends nothing`,
    async check(answer) {
      const isValid = answer.replaceAll(/[\s,.'_]/g, '') === String(plan.audience);
      return { isValid, says: isValid ? `${number} confirmed` : `expected ${number}, got another answer` };
    },
  });
}

function describePush(announcement: Announcement, plan: Plan): string[] {
  const { content, locales, template } = announcement;
  const { audience, source, startsAt, endsAt, durationMs, cost } = plan;
  const names = Object.keys(locales ?? {});
  const { x86_64: most, arm64: least } = cost.dollars;
  return [
    `audience: ${formatCount(audience)}: ${onOneLine(describeAudience(announcement))}; source ${source}`,
    ...(content === null ? [] : [`title: ${onOneLine(content.title)}`, `body: ${onOneLine(content.body)}`]),
    ...(names.length === 0 ? [] : [`and texts of its own for ${names.join(', ')}`]),
    ...(template ? [`the texts are templates (${template})`] : []),
    `start: ${formatTime(startsAt)} UTC; end: ${formatTime(endsAt)} UTC, after ${formatTimer(durationMs)}`,
    `cost on AWS: $${least.toFixed(4)} to $${most.toFixed(4)}`,
  ];
}

/** A new announcement as it will be in the table. */
function asRow(announcement: NewAnnouncement): Announcement {
  return {
    ...announcement,
    announcementId: 0,
    audience: 'devices',
    status: 'draft',
    statusReason: null,
    problem: null,
    edited: [],
    acceptUnregistered: false,
  };
}
