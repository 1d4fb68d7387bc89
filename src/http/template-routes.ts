import * as z from 'zod';
import { checkTexts } from '../content/render.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { contentFields, makeContent, unknownFields, withContentRules } from '../model/content.ts';
import { localesSchema } from '../model/locales.ts';
import { type MessageTemplate, templateNameSchema } from '../model/message-template.ts';
import { makeRoute, type Route } from './route.ts';

const path = '/templates/{name}';
const params = z.object({ name: templateNameSchema });

/** A locale may say everything again, in several bytes a character. */
const MAX_BODY_BYTES = 1_000_000;

const templateSchema = withContentRules(
  z.strictObject(
    { ...contentFields, locales: localesSchema.nullish() },
    { error: unknownFields('a template') },
  ),
);

const set = makeRoute({
  method: 'PUT',
  path,
  summary: 'Set a template that messages may name, in the place of the one with this name.',
  scope: 'send',
  params,
  body: templateSchema,
  maxBodyBytes: MAX_BODY_BYTES,
  replies: { 204: { description: 'The template is set.', body: null } },
  async run({ store }, { params: { name }, body: { locales = null, ...rest } }) {
    const template: MessageTemplate = { ...makeContent(rest), locales };
    await checkTexts({ ...template, template: 'liquid' });
    await store.setTemplate(name, template);
    return { status: 204, body: null };
  },
});

const show = makeRoute({
  method: 'GET',
  path,
  summary: 'A template that messages may name.',
  scope: 'send',
  params,
  replies: {
    200: {
      description: 'The template.',
      body: z.object({
        name: z.string(),
        template: z.record(z.string(), z.unknown()).nullable().describe('its fields, as they were set'),
        problem: z.string().nullable().describe('why its row cannot be read'),
      }),
    },
  },
  async run({ store }, { params: { name } }) {
    const found = await findTemplate({ store }, name);
    const body =
      'problem' in found
        ? { name, template: null, problem: found.problem }
        : { name, template: asFields(found), problem: null };
    return { status: 200, body };
  },
});

const remove = makeRoute({
  method: 'DELETE',
  path,
  summary: 'Delete a template; a message that names it later is rejected.',
  scope: 'send',
  params,
  replies: { 204: { description: 'The template is deleted.', body: null } },
  async run({ store }, { params: { name } }) {
    if (await store.removeTemplate(name)) return { status: 204, body: null };
    throw noSuchTemplate(name);
  },
});

export const TEMPLATE_ROUTES: readonly Route[] = [set, show, remove];

async function findTemplate({ store }: Pick<Context, 'store'>, name: string) {
  const found = (await store.fetchTemplates([name])).get(name);
  if (found) return found;
  throw noSuchTemplate(name);
}

function noSuchTemplate(name: string): PushError {
  const expected = 'the name of a template in push_template';
  return PushError.of('NO_SUCH_TEMPLATE', [{ field: 'name', expected, got: `${name.length} characters` }]);
}

/** The fields as a request has them. */
function asFields({ content, ttlSeconds, locales }: MessageTemplate): Record<string, unknown> {
  const { title, body, image, data, options } = content;
  const texts = title === '' && body === '' ? {} : { title, body };
  return { ...texts, image, data, ...options, ttlSeconds, locales };
}
