import { type Compile, openEngine } from '../content/engine.ts';
import { isUnrendered, makeRenderer, type Renderer } from '../content/render.ts';
import { slicesOf } from '../content/slices.ts';
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
  const engine = await openEngine();
  const renderers = new Map<string, Promise<Renderer | null>>();
  const openOnce = (name: string): Promise<Renderer | null> => {
    const opened = renderers.get(name) ?? open(templates.get(name), name, log, engine);
    renderers.set(name, opened);
    return opened;
  };
  const fill = async (message: M, members: ReadonlyMap<string, Attributes>): Promise<M> => {
    const { template, problem } = message;
    if (template === undefined || problem !== null) return message;
    const renderer = await openOnce(template.name);
    if (renderer === null) return { ...message, content: null, refusal: 'NO_TEMPLATE' };
    return { ...message, filled: fillFor(renderer, message, template.variables, members) };
  };
  const filled: M[] = [];
  for await (const slice of slicesOf(messages, ({ devices }) => devices.length)) {
    const memberIds = slice.flatMap(({ template, devices }) =>
      template === undefined ? [] : devices.flatMap(({ memberId }) => memberId ?? []),
    );
    const members = memberIds.length === 0 ? new Map<string, never>() : await store.fetchMembers(memberIds);
    for (const message of slice) filled.push(await fill(message, members));
  }
  return filled;
}

/** Null if there is no such template, or one that cannot be read: the log says why. */
async function open(
  template: MessageTemplate | { readonly problem: string } | undefined,
  name: string,
  log: Context['log'],
  engine: Compile,
): Promise<Renderer | null> {
  // A name that no template has may be any text, and is not logged.
  if (template === undefined) return null;
  if ('problem' in template) {
    log.error('template not used', { template: name, why: template.problem });
    return null;
  }
  try {
    return await makeRenderer({ ...template, template: 'liquid' }, LONGEST_COLLAPSE_KEY, engine);
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
