import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkTexts, isUnrendered, makeRenderer } from '../../src/content/render.ts';
import { RENDER_PROBLEMS } from '../../src/content/template.ts';
import { PushError } from '../../src/errors.ts';
import { bytesOf } from '../../src/fcm/size.ts';
import type { Device } from '../../src/model/device.ts';
import { fuzzing } from '../support/fuzz.ts';

/** Pieces of templates: whole ones, halves, and what a template may be attacked with. */
const PIECES = [
  ...[
    '{{',
    '}}',
    '{%',
    '%}',
    '{%-',
    '-%}',
    '|',
    ':',
    ',',
    '.',
    '[',
    ']',
    '(',
    ')',
    '..',
    '"',
    "'",
    '\n',
    ' ',
  ],
  ...[
    'nickname',
    'list',
    'object',
    'device.platform',
    'member.id',
    '__proto__',
    'constructor',
    'a',
    '1',
    '-1',
    '1e9',
  ],
  ...['{{ nickname }}', '{{ nickname | default: "x" }}', '{% if a %}', '{% else %}', '{% endif %}', 'true'],
  ...['{% for i in (1..1000000000) %}', '{% for i in list %}', '{% endfor %}', '{{ i }}', '{% break %}'],
  ...[
    '{% assign a = ',
    '{% capture a %}',
    '{% endcapture %}',
    '{% include "a" %}',
    '{% raw %}',
    '{% endraw %}',
  ],
  ...[
    '{% liquid',
    '{% tablerow i in list %}',
    '{% cycle "a", "b" %}',
    '{% increment a %}',
    '{% case a %}',
    '{% when 1 %}',
  ],
  ...[
    'append: a',
    'split: ""',
    'join: list',
    'date: "%9999999d"',
    'replace: "a", list',
    'times: 1e300',
    'slice: -9, 9',
  ],
  ...[
    'map: "constructor"',
    'where_exp: "i", "i"',
    'sort',
    'jsonify',
    'strip_html',
    'truncate: 99999999',
    'sum',
  ],
];

const device: Device = {
  deviceId: 1,
  target: 't',
  targetKind: 'token',
  memberId: 'm',
  platform: 'ios',
  locale: 'de',
};

test('whatever a template is, it is refused with its place, or each device gets a message that fits or a reason', async () => {
  const texts = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 5 })), {
    maxLength: 25,
  });
  const attributes = fc.record(
    {
      nickname: fc.oneof(fc.string(), fc.string({ minLength: 3000, maxLength: 5000 })),
      list: fc.array(fc.jsonValue()),
      object: fc.dictionary(fc.constantFrom('a', '__proto__', 'constructor', 'size'), fc.jsonValue()),
      a: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  let rendered = 0;
  await fc.assert(
    fc.asyncProperty(texts, texts, attributes, async (title, body, given) => {
      const content = { title: title.join(''), body: body.join(''), image: null, data: {}, options: {} };
      const parts = { content, locales: null, template: 'liquid' as const, ttlSeconds: null };
      const refusal = await checkTexts(parts).catch((error: unknown) => error);
      if (refusal !== undefined) {
        expect(refusal).toBeInstanceOf(PushError);
        expect((refusal as PushError).message).toMatch(/(title|body): expected a template in Liquid, got /);
        return;
      }
      const result = (await makeRenderer(parts, 'k')).render(device, given);
      if (isUnrendered(result)) expect(RENDER_PROBLEMS).toContain(result.problem);
      else expect(bytesOf(result)).toBeLessThanOrEqual(4096);
      rendered++;
    }),
    fuzzing(0.4),
  );
  expect(rendered).toBeGreaterThan(0);
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
});
