import { isUnrendered, makeRenderer, type Renderer } from '../content/render.ts';
import type { Context } from '../context.ts';
import { isBadRow, messageOf } from '../errors.ts';
import { LONGEST_COLLAPSE_KEY } from '../fcm/size.ts';
import type { Attributes } from '../model/member.ts';
import type { Filled, Message } from '../model/message.ts';
import type { MessageTemplate } from '../model/message-template.ts';

/**
 * Writes the messages that name a template, for each of their devices: over the attributes of its member, and over the variables
 * of the message, which come first. The others stay as they are; the nth result belongs to the nth message.
 */
export async function fillIn<M extends Message>(
  { store, log }: Pick<Context, 'store' | 'log'>,
  messages: readonly M[],
): Promise<readonly M[]> {
  const uses = messages.flatMap(({ template }) => template?.name ?? []);
  if (uses.length === 0) return messages;
  const templates = await store.fetchTemplates(uses);
  const memberIds = messages.flatMap(({ template, devices }) =>
    template === undefined ? [] : devices.flatMap(({ memberId }) => memberId ?? []),
  );
  const members = memberIds.length === 0 ? new Map<string, never>() : await store.fetchMembers(memberIds);
  const renderers = new Map<string, Promise<Renderer | null>>();
  const openOnce = (name: string): Promise<Renderer | null> => {
    const opened = renderers.get(name) ?? open(templates.get(name), name, log);
    renderers.set(name, opened);
    return opened;
  };
  return Promise.all(
    messages.map(async (message): Promise<M> => {
      const { template, problem } = message;
      if (template === undefined || problem !== null) return message;
      const renderer = await openOnce(template.name);
      if (renderer === null) return { ...message, content: null, refusal: 'NO_TEMPLATE' };
      return { ...message, filled: fillFor(renderer, message, template.variables, members) };
    }),
  );
}

/** Null if there is no such template, or one that cannot be read: the log says why. */
async function open(
  template: MessageTemplate | { readonly problem: string } | undefined,
  name: string,
  log: Context['log'],
): Promise<Renderer | null> {
  // A name that no template has may be any text, and is not logged.
  if (template === undefined) return null;
  if ('problem' in template) {
    log.error('template not used', { template: name, why: template.problem });
    return null;
  }
  try {
    return await makeRenderer({ ...template, template: 'liquid' }, LONGEST_COLLAPSE_KEY);
  } catch (error) {
    if (!isBadRow(error)) throw error;
    log.error('template not used', { template: name, why: messageOf(error) });
    return null;
  }
}

function fillFor(
  renderer: Renderer,
  { ttlSeconds, devices }: Message,
  variables: Attributes,
  members: ReadonlyMap<string, Attributes>,
): Map<number, Filled> {
  return new Map(
    devices.map((device): [number, Filled] => {
      const rendered = renderer.render(device, { ...members.get(device.memberId ?? ''), ...variables });
      if (isUnrendered(rendered)) return [device.deviceId, { refusal: rendered.problem }];
      return [device.deviceId, { content: rendered.content, ttlSeconds: ttlSeconds ?? rendered.ttlSeconds }];
    }),
  );
}
