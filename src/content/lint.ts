import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { type Announcement, isSendable, type SendableAnnouncement } from '../model/announcement.ts';
import { collapseKeyOf } from '../model/delivery.ts';
import type { Device } from '../model/device.ts';
import type { Attributes } from '../model/member.ts';
import { fetchMembers } from './members.ts';
import { findTemplateProblems, isUnrendered, makeRenderer, type Renderer } from './render.ts';
import { slicesOf } from './slices.ts';
import { RENDER_PROBLEMS } from './template.ts';

/** What devices would be rejected for, and what else their messages show. */
export const LINT_KINDS = [
  'BAD_DEVICE',
  ...RENDER_PROBLEMS,
  'LOCALE_WITHOUT_TEXT',
  'MEMBER_UNKNOWN',
  'NO_MEMBER',
] as const;
export type LintKind = (typeof LINT_KINDS)[number];

/** What does not hold a message up: the device gets another text, or one without its member. */
const NOTES: readonly LintKind[] = ['LOCALE_WITHOUT_TEXT', 'MEMBER_UNKNOWN', 'NO_MEMBER'];

/** Something that some devices have in common. */
export interface Finding {
  readonly kind: LintKind;
  /** The variable that is not known, or the locale without a text; null: the kind says it all. */
  readonly name: string | null;
  readonly devices: number;
  /** Ids of the first of them. */
  readonly examples: readonly number[];
  /** True: the devices would get no message. */
  readonly isRejected: boolean;
}

export interface LintReport {
  readonly announcementId: number;
  /** Why the announcement cannot be sent at all; null: it can. */
  readonly problem: string | null;
  readonly devices: number;
  readonly rejected: number;
  readonly findings: readonly Finding[];
}

const DEVICES_PER_PAGE = 3000;
const MAX_EXAMPLES = 5;

/** Other hands write the locales of devices: of more different names than this, the rest is counted together. */
export const MAX_FINDINGS = 200;
const MAX_NAME_LENGTH = 64;
const OTHERS = 'others';

/**
 * Writes the message of every device of an announcement's audience, as its start would, and counts what is wrong. Nothing is
 * sent. It reads page by page, and keeps none. PushError('BAD_INPUT') for a mailing, whose messages have texts of their own.
 */
export async function lintAnnouncement(
  { store }: Pick<Context, 'store'>,
  announcement: Announcement,
  onPage: (devices: number) => void = () => {},
): Promise<LintReport> {
  const { announcementId, audience, filter } = announcement;
  if (audience !== 'devices') {
    const got = `${announcementId}, a mailing`;
    throw PushError.of('BAD_INPUT', [{ field: 'ID', expected: 'an announcement to devices', got }]);
  }
  const findings = new Findings();
  const report = (problem: string | null): LintReport => ({ announcementId, problem, ...findings.summary });
  if (!isSendable(announcement)) return report(announcement.problem ?? 'it has no content');
  const problems = await findTemplateProblems(announcement);
  if (problems.length > 0) return report(PushError.of('DATABASE', problems).message);

  const renderer = await makeRenderer(announcement, collapseKeyOf({ announcementId }));
  const check = makeCheck(announcement, renderer, findings);
  for (let fromId: number | null = 0; fromId !== null;) {
    const page: Device[] = await store.fetchPage(fromId, null, DEVICES_PER_PAGE, {
      filter,
      withTraits: true,
    });
    for await (const slice of slicesOf(page)) {
      const members = await fetchMembers({ store }, announcement, slice);
      for (const device of slice) check(device, members);
    }
    onPage(findings.devices);
    const last = page.at(-1);
    fromId = page.length < DEVICES_PER_PAGE || last === undefined ? null : last.deviceId + 1;
  }
  return report(null);
}

function makeCheck(
  { template = null, locales = null }: SendableAnnouncement,
  renderer: Renderer,
  findings: Findings,
): (device: Device, members: ReadonlyMap<string, Attributes>) => void {
  return (device, members) => {
    const { deviceId, memberId = null, locale = null, problem } = device;
    findings.devices++;
    if (problem !== undefined) return findings.add('BAD_DEVICE', null, deviceId);
    const attributes = memberId === null ? undefined : members.get(memberId);
    if (template !== null && attributes === undefined)
      findings.add(memberId === null ? 'NO_MEMBER' : 'MEMBER_UNKNOWN', null, deviceId);
    if (locales !== null && locale !== null && !renderer.knows(locale))
      findings.add('LOCALE_WITHOUT_TEXT', locale, deviceId);
    const rendered = renderer.render(device, attributes ?? {});
    if (isUnrendered(rendered)) findings.add(rendered.problem, rendered.variable ?? null, deviceId);
  };
}

class Findings {
  devices = 0;
  readonly #byName = new Map<
    string,
    { kind: LintKind; name: string | null; devices: number; examples: number[] }
  >();

  add(kind: LintKind, fullName: string | null, deviceId: number): void {
    const name = fullName === null ? null : fullName.slice(0, MAX_NAME_LENGTH);
    const key = `${kind} ${name ?? ''}`;
    const finding = this.#byName.get(key);
    if (finding === undefined && name !== OTHERS && this.#byName.size >= MAX_FINDINGS)
      return this.add(kind, OTHERS, deviceId);
    if (finding === undefined) {
      this.#byName.set(key, { kind, name, devices: 1, examples: [deviceId] });
      return;
    }
    finding.devices++;
    if (finding.examples.length < MAX_EXAMPLES) finding.examples.push(deviceId);
  }

  get summary(): Pick<LintReport, 'devices' | 'rejected' | 'findings'> {
    const findings = [...this.#byName.values()]
      .map((each) => ({ ...each, isRejected: !NOTES.includes(each.kind) }))
      .toSorted((one, two) => Number(two.isRejected) - Number(one.isRejected) || two.devices - one.devices);
    // A device is rejected for one reason.
    const rejected = findings.reduce((sum, each) => sum + (each.isRejected ? each.devices : 0), 0);
    return { devices: this.devices, rejected, findings };
  }
}
