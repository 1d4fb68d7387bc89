import { fetchMembers } from '../content/members.ts';
import { isUnrendered, makeRenderer, needsRenderer } from '../content/render.ts';
import { slicesOf } from '../content/slices.ts';
import type { Unrendered } from '../content/template.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import { collapseKeyOf, type Delivery, type Push } from '../model/delivery.ts';
import type { Device } from '../model/device.ts';
import { type MarkConfig, markOf } from '../model/receipt.ts';

/** If more than this share of the first page gets no message, and so many devices, the template is at fault and not the devices. */
const SYSTEMIC_SHARE = 0.5;
const MIN_SYSTEMIC_PUSHES = 10;

type Written<T extends Device> = T & Required<Pick<Push, 'own'>>;

/** The pushes of a page with the message of each, and what is to be recorded of devices that get none. */
export interface OwnContent<T extends Device> {
  readonly pushes: readonly Written<T>[];
  readonly refused: readonly Delivery[];
}

/** Writes the message of each device of a page, slice by slice. Devices come with what they say about themselves. */
export type WritePage = <T extends Device>(
  devices: readonly T[],
  isCanary: boolean,
) => Promise<OwnContent<T>>;

/** Null if all devices get the same message. PushError('DATABASE') that `isBadRow` if the announcement's templates cannot be read. */
export async function openWriter(
  { store, log, config }: Pick<Context, 'store' | 'log'> & { readonly config: MarkConfig },
  announcement: SendableAnnouncement,
): Promise<WritePage | null> {
  if (!needsRenderer(announcement)) return null;
  const { announcementId } = announcement;
  const parts = { ...announcement, mark: markOf(config, announcement) };
  const renderer = await makeRenderer(parts, collapseKeyOf({ announcementId }));
  return async (devices, isCanary) => {
    const refusals = new Map<string, Refusal>();
    const refused: Delivery[] = [];
    const pushes: Written<(typeof devices)[number]>[] = [];
    for await (const slice of slicesOf(devices)) {
      const members = await fetchMembers({ store }, announcement, slice);
      for (const device of slice) {
        const own = renderer.render(device, members.get(device.memberId ?? '') ?? {});
        if (!isUnrendered(own)) {
          pushes.push({ ...device, own });
          continue;
        }
        refused.push(refusalOf(device, own));
        count(refusals, own, device);
      }
    }
    for (const { problem, variable = null, devices: number, deviceId } of refusals.values())
      log.error('devices get no message', { announcementId, problem, variable, devices: number, deviceId });
    if (isCanary) checkFirstPage([...refusals.values()], devices.length, announcementId);
    return { pushes, refused };
  };
}

interface Refusal extends Unrendered {
  devices: number;
  /** The first of them. */
  readonly deviceId: number;
}

function count(
  refusals: Map<string, Refusal>,
  { problem, variable }: Unrendered,
  { deviceId }: Device,
): void {
  const key = `${problem} ${variable ?? ''}`;
  const known = refusals.get(key);
  if (known) known.devices++;
  else refusals.set(key, { problem, ...(variable === undefined ? {} : { variable }), devices: 1, deviceId });
}

function refusalOf({ deviceId }: Device, { problem }: Unrendered): Delivery {
  return { deviceId, verdict: 'rejected', reason: problem, messageName: null, retryInMs: null };
}

/** Throws if a template that is at fault would cost the whole audience its push. An empty message may be meant so. */
function checkFirstPage(refusals: readonly Refusal[], pushes: number, announcementId: number): void {
  const faults = refusals.filter(({ problem }) => problem !== 'TEMPLATE_EMPTY');
  const devices = faults.reduce((sum, each) => sum + each.devices, 0);
  if (devices < MIN_SYSTEMIC_PUSHES || devices <= pushes * SYSTEMIC_SHARE) return;
  const [{ problem, variable } = { problem: 'TEMPLATE_ERROR' }] = faults.toSorted(
    (one, two) => two.devices - one.devices,
  );
  const reason = variable === undefined ? problem : `${problem}: ${variable}`;
  const got = `none for ${devices} of the first ${pushes} (${reason}): \`baton lint ${announcementId}\` says which`;
  throw PushError.of('DATABASE', [{ field: 'template', expected: 'a message for each device', got }]);
}
