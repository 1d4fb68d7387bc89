import * as z from 'zod';
import { filterSchema } from '../model/filter.ts';
import { countAudience } from '../report/audience.ts';
import { makeRoute, type Route } from './route.ts';

/** Ten thousand member ids of 64 characters, and some more. */
export const MAX_AUDIENCE_BYTES = 1_000_000;

const devices = z.int();
const shares = z.array(z.object({ name: z.string().nullable().describe('null: not known'), devices }));

const report = z.object({
  devices,
  platforms: shares,
  locales: shares,
  examples: z
    .array(
      z.object({
        deviceId: z.int(),
        hash: z.string().describe("the first 12 characters of the SHA-256 of the device's target"),
        platform: z.string().nullable(),
        locale: z.string().nullable(),
      }),
    )
    .describe('at most ten devices'),
});

const count = makeRoute({
  method: 'POST',
  path: '/audiences/count',
  summary: 'How many devices an audience has now, by platform and locale, and some of them.',
  scope: 'read',
  body: z.strictObject({ audience: filterSchema.nullish() }, { error: 'no such field' }),
  isBodyOptional: true,
  maxBodyBytes: MAX_AUDIENCE_BYTES,
  replies: { 200: { description: 'The audience; without one in the request, all devices.', body: report } },
  async run({ store }, { body: { audience = null } }) {
    const { platforms, locales, examples, ...rest } = await countAudience({ store }, audience);
    return {
      status: 200,
      body: {
        ...rest,
        platforms: [...platforms],
        locales: [...locales],
        examples: [...examples],
      } satisfies z.infer<typeof report>,
    };
  },
});

export const AUDIENCE_ROUTES: readonly Route[] = [count];
