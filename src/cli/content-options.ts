import {
  type Content,
  contentFields,
  type ContentInput,
  makeContent,
  unknownFields,
} from '../model/content.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import { PushError } from '../errors.ts';
import { parseWith } from '../parse.ts';
import * as z from 'zod';
import { type Args, type Option, refuse } from './command.ts';

const WITH_TITLE = 'a title and a --body, or an --announcement';

/** What a new announcement says. */
export const CONTENT_OPTIONS = {
  title: { value: 'TEXT', help: 'push a new announcement with this title' },
  body: { value: 'TEXT', help: 'and this text' },
  image: { value: 'URL', help: 'and this picture (https)' },
  link: { value: 'URL', help: 'and this link (https); apps get it as data.link' },
  'click-action': { value: 'NAME', help: "Android's click_action, and APNs' category" },
  sound: { value: 'NAME', help: 'a sound of the app, or default' },
  badge: { value: 'N', help: "the number on the app's icon" },
  priority: { value: 'NAME', help: 'normal or high' },
  'analytics-label': { value: 'NAME', help: "for FCM's own reports" },
  data: { value: 'KEY=VALUE', multiple: true, help: 'and this for the app; may be given more than once' },
  android: { value: 'JSON', help: "fields of FCM's HTTP v1 API to lay over Baton's own" },
  apns: { value: 'JSON', help: 'likewise' },
  webpush: { value: 'JSON', help: 'likewise' },
  ttl: { value: 'SECONDS', help: 'how long the push is worth anything, at most 2419200 [4 weeks]' },
} as const satisfies Readonly<Record<string, Option>>;

const schema: z.ZodType<ContentInput> = z
  .strictObject(contentFields, { error: unknownFields('content') })
  .refine(fitsFcm, TOO_BIG);

export function parseContent(args: Args): { content: Content; ttlSeconds: number | null } {
  const title = args.text('title');
  const body = args.text('body');
  if (!title || !body) throw refuse('title', WITH_TITLE, 'neither or one of them');
  const fields = {
    title,
    body,
    image: args.text('image'),
    data: Object.fromEntries(args.list('data').map(parsePair)),
    link: optional(args, 'link'),
    clickAction: optional(args, 'click-action'),
    sound: optional(args, 'sound'),
    badge: args.optionalWhole('badge', 0, 1_000_000) ?? undefined,
    priority: optional(args, 'priority'),
    analyticsLabel: optional(args, 'analytics-label'),
    android: parseJson(args, 'android'),
    apns: parseJson(args, 'apns'),
    webpush: parseJson(args, 'webpush'),
    ttlSeconds: args.optionalWhole('ttl', 0, Number.MAX_SAFE_INTEGER),
  };
  try {
    return makeContent(parseWith(schema, fields, 'BAD_INPUT'));
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    throw PushError.of(
      'BAD_INPUT',
      error.problems.map((problem) => ({ ...problem, field: optionOf(problem.field) })),
    );
  }
}

function optional(args: Args, name: keyof typeof CONTENT_OPTIONS): string | undefined {
  return args.text(name) ?? undefined;
}

function parseJson(args: Args, name: 'android' | 'apns' | 'webpush'): unknown {
  const text = args.text(name);
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw refuse(name, 'JSON', JSON.stringify(text));
  }
}

function parsePair(text: string): [string, string] {
  const split = text.indexOf('=');
  if (split < 1) throw refuse('data', 'KEY=VALUE', JSON.stringify(text));
  return [text.slice(0, split), text.slice(split + 1)];
}

/** analyticsLabel -> --analytics-label */
function optionOf(field: string): string {
  const [name = ''] = field.split('.');
  if (name === 'ttlSeconds') return '--ttl';
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
