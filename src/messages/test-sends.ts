import {
  isUnrendered,
  makeRenderer,
  needsRenderer,
  type Renderer,
  type Unrendered,
} from '../content/render.ts';
import type { Context } from '../context.ts';
import { isBadRow, PushError } from '../errors.ts';
import { LONGEST_COLLAPSE_KEY } from '../fcm/size.ts';
import { makeId } from '../id.ts';
import type { Announcement, NewAnnouncement } from '../model/announcement.ts';
import type { Notification } from '../model/content.ts';
import { collapseKeyOf, type Delivery, type Push } from '../model/delivery.ts';
import type { Device, DeviceRecord, TestName } from '../model/device.ts';
import { type NewMessage, testKeyOf } from '../model/message.ts';
import { isSendable } from './pushes.ts';
import type { MessageReport } from './report.ts';
import { checkPushes, sendMessages } from './send.ts';
import { findTestDevices } from './test-devices.ts';

/** What is tested: an announcement, or a text that is no announcement yet. */
export interface Tested extends Pick<
  NewAnnouncement,
  'source' | 'content' | 'locales' | 'template' | 'ttlSeconds'
> {
  /** 0: it is no announcement. */
  readonly announcementId: number;
  /** True: FCM checks the messages, and no phone shows one. */
  readonly dryRun: boolean;
}

/** What became of the message for one device. */
export interface TestSend extends Pick<Delivery, 'deviceId' | 'reason' | 'messageName'> {
  readonly verdict: MessageReport['verdict'];
  /** Its id in push_message; null: it is not there, because it was not sent, or only checked. */
  readonly messageId: number | null;
  /** The variable that a template does not know; null: none. */
  readonly variable: string | null;
}

/** An announcement as a test sends it. PushError('BAD_INPUT') if it has no content of its own to send. */
export function asTested(announcement: Announcement, options: { readonly dryRun: boolean }): Tested {
  const { announcementId, audience, content, problem, dryRun } = announcement;
  const refuse = (expected: string, got: string): PushError =>
    PushError.of('BAD_INPUT', [{ field: 'announcementId', expected, got: `${announcementId}, ${got}` }]);
  if (audience === 'messages') throw refuse('an announcement to devices', 'which is a mailing');
  if (content === null) throw refuse('a row that can be sent', `which cannot: ${problem ?? 'no content'}`);
  // What must not show on any phone does not show on these.
  return { ...announcement, content, dryRun: dryRun || options.dryRun };
}

/**
 * Sends the real message to a few devices, at once: as each device would get it, in its locale and by its template. No status,
 * count or report of the announcement has it. Each call sends anew. PushError('NO_SUCH_DEVICE'), ('BAD_INPUT') for names
 * without devices and for templates that cannot be read, ('NO_SUCH_SOURCE'), ('BAD_CREDENTIALS').
 */
export async function sendTests(
  ctx: Context,
  tested: Tested,
  names: readonly TestName[],
): Promise<readonly TestSend[]> {
  ctx.senders.check(tested.source);
  const render = await openRender(ctx, tested);
  const devices = await findTestDevices(ctx, names);
  const rendered = await render(devices);
  const sendable = rendered.filter(isReady);
  const sends = await (tested.dryRun ? check : send)(ctx, tested, sendable);
  return rendered.map((each) => sends.get(each.deviceId) ?? reject(each));
}

/** What becomes of a device to which nothing is sent. */
function reject(each: Ready | Refused): TestSend {
  const { reason, variable } = isReady(each) ? { reason: 'BAD_DEVICE', variable: null } : each.refusal;
  return {
    deviceId: each.deviceId,
    messageId: null,
    verdict: 'rejected',
    reason,
    messageName: null,
    variable,
  };
}

/** A device and its message. */
interface Ready {
  readonly deviceId: number;
  /** Null: not read, because it is not needed. */
  readonly device: Device | null;
  readonly message: Pick<Notification, 'content' | 'ttlSeconds'>;
}
interface Refused {
  readonly deviceId: number;
  readonly refusal: Pick<TestSend, 'reason' | 'variable'>;
}

function isReady(rendered: Ready | Refused): rendered is Ready {
  return 'message' in rendered;
}

/** The templates are read before anything is asked of the database. */
async function openRender(
  { store }: Pick<Context, 'store'>,
  tested: Tested,
): Promise<(devices: readonly DeviceRecord[]) => Promise<(Ready | Refused)[]>> {
  const { content, ttlSeconds, locales = null, template = null, dryRun } = tested;
  const parts = { content, ttlSeconds, locales, template };
  const renderer = needsRenderer(parts) ? await openRenderer(parts) : null;
  return async (records) => {
    const memberIds = [...new Set(records.flatMap(({ memberId }) => memberId ?? []))];
    const members = renderer === null ? new Map<string, never>() : await store.fetchMembers(memberIds);
    return Promise.all(
      records.map(async ({ deviceId, memberId }): Promise<Ready | Refused> => {
        if (renderer === null && !dryRun) return { deviceId, device: null, message: { content, ttlSeconds } };
        const [found] = await store.fetchPage(deviceId, deviceId, 1, { withTraits: renderer !== null });
        if (found === undefined) return { deviceId, refusal: { reason: 'NO_DEVICE', variable: null } };
        const device = { ...found, memberId };
        if (renderer === null) return { deviceId, device, message: { content, ttlSeconds } };
        const message = renderer.render(device, members.get(memberId ?? '') ?? {});
        if (isUnrendered(message)) return { deviceId, refusal: asRefusal(message) };
        return { deviceId, device, message };
      }),
    );
  };
}

async function openRenderer(parts: Parameters<typeof makeRenderer>[0]): Promise<Renderer> {
  try {
    return await makeRenderer(parts, LONGEST_COLLAPSE_KEY);
  } catch (error) {
    if (isBadRow(error)) throw PushError.of('BAD_INPUT', error.problems);
    throw error;
  }
}

function asRefusal({ problem, variable }: Unrendered): Refused['refusal'] {
  return { reason: problem, variable: variable ?? null };
}

/** Sends the messages, and records them as tests of the announcement. */
async function send(
  ctx: Context,
  { announcementId, source }: Tested,
  ready: readonly Ready[],
): Promise<ReadonlyMap<number, TestSend>> {
  const nowMs = ctx.clock.now();
  // A repeat of a request is a test of its own.
  const requestId = makeId();
  const messages = ready.map(({ deviceId, message: { content, ttlSeconds } }): NewMessage => ({
    messageKey: testKeyOf(deviceId, nowMs, requestId),
    source,
    content,
    ttlSeconds,
    recipient: { deviceId, memberId: null },
    testOf: announcementId,
  }));
  const reports = await sendMessages(ctx, messages);
  return new Map(
    reports.map(({ messageId, verdict, reason, deliveries: [delivery] }, nth) => {
      const deviceId = ready[nth]?.deviceId ?? 0;
      const messageName = delivery?.messageName ?? null;
      return [deviceId, { deviceId, messageId, verdict, reason, messageName, variable: null }];
    }),
  );
}

/** Has FCM check the messages. No row and no device changes. */
async function check(
  ctx: Context,
  { announcementId, source }: Tested,
  ready: readonly Ready[],
): Promise<ReadonlyMap<number, TestSend>> {
  const collapseKey = collapseKeyOf({ announcementId });
  const pushes = ready.flatMap(({ device, message: { content, ttlSeconds } }): Push[] =>
    device !== null && isSendable(device) ? [{ ...device, own: { content, ttlSeconds, collapseKey } }] : [],
  );
  const deliveries = await checkPushes(ctx, source, pushes);
  return new Map(
    deliveries.map(({ deviceId, verdict, reason, messageName }) => [
      deviceId,
      { deviceId, messageId: null, verdict, reason, messageName, variable: null },
    ]),
  );
}
