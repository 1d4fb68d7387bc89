import type { Context } from '../context.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Device } from '../model/device.ts';
import type { Attributes } from '../model/member.ts';

/** The attributes of the members of some devices; none if no template uses them. */
export async function fetchMembers(
  { store }: Pick<Context, 'store'>,
  { template = null }: Pick<Announcement, 'template'>,
  devices: readonly Device[],
): Promise<ReadonlyMap<string, Attributes>> {
  if (template === null) return new Map();
  const ids = devices.flatMap(({ memberId = null }) => (memberId === null ? [] : [memberId]));
  return ids.length === 0 ? new Map() : store.fetchMembers(ids);
}
