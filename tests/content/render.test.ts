import { describe, expect, test } from 'vitest';
import { announce, announceSchema } from '../../src/broadcast/announce.ts';
import { checkTexts, isUnrendered, makeRenderer, needsRenderer } from '../../src/content/render.ts';
import type { Context } from '../../src/context.ts';
import { bytesOf } from '../../src/fcm/size.ts';
import type { Content } from '../../src/model/content.ts';
import type { Device } from '../../src/model/device.ts';
import type { Locales } from '../../src/model/locales.ts';
import { parseWith } from '../../src/parse.ts';

const DEVICE: Device = {
  ...{ deviceId: 7, target: 't', targetKind: 'token', memberId: 'ada' },
  ...{ platform: 'ios', locale: 'de-CH', timeZone: null, appVersion: '4.12.0' },
};

function partsOf(texts: Partial<Content>, locales: Locales | null = null) {
  const content = { title: 't', body: 'b', image: null, data: {}, options: {}, ...texts };
  return { content, locales, template: 'liquid' as const, ttlSeconds: null };
}

/** The body that a template becomes, or why it becomes none. */
async function write(body: string, attributes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const rendered = (await makeRenderer(partsOf({ body }), 'k')).render(DEVICE, attributes);
  if (!isUnrendered(rendered)) return rendered.content.body;
  return [rendered.problem, ...(rendered.variable === undefined ? [] : [rendered.variable])].join(' ');
}

test.each([
  ['Hi {{ nickname | default: "there" }}', { nickname: 'Ada' }, 'Hi Ada'],
  ['Hi {{ nickname | default: "there" }}', {}, 'Hi there'],
  ['Hi {{ nickname | default: "there" }}', { nickname: '' }, 'Hi there'],
  ['Hi {{ nickname }}', {}, 'TEMPLATE_VARIABLE nickname'],
  ['Hi {{ nickname }}', { nickname: null }, 'TEMPLATE_VARIABLE nickname'],
  ['{{ address.city }}', { address: { city: 'Bern' } }, 'Bern'],
  ['{{ address.city }}', { address: {} }, 'TEMPLATE_VARIABLE address.city'],
  ['{% if nickname %}{{ nickname }}{% else %}you{% endif %}', {}, 'you'],
  ['{{ device.platform }} {{ device.appVersion }} {{ device.id }} {{ member.id }}', {}, 'ios 4.12.0 7 ada'],
  ['{{ device.timeZone }}', {}, 'TEMPLATE_VARIABLE device.timeZone'],
  ['{{ device.target }}', {}, 'TEMPLATE_VARIABLE device.target'],
  ['{{ device }}', {}, 'TEMPLATE_ERROR'],
  ['{{ device.platform }}', { device: 'mine' }, 'ios'],
  ['{% for each in list %}{{ each }},{% endfor %}', { list: [1, 2, 3] }, '1,2,3,'],
  ['{{ day | date: "%d.%m.%Y %H:%M" }}', { day: '2026-12-24T18:07:00+01:00' }, '24.12.2026 17:07'],
  ['{{ price | times: 2 }} {{ is_new }}', { price: 1.5, is_new: false }, '3 false'],
  ['no template } {', {}, 'no template } {'],
])('%s with %j is %s', async (template, attributes, expected) => {
  expect(await write(template, attributes)).toBe(expected);
});

describe('hostile templates', () => {
  test.each([
    ['a loop of a billion', '{% for i in (1..1000000000) %}x{% endfor %}'],
    ['loops in loops', `${'{% for i in (1..900) %}'.repeat(4)}x${'{% endfor %}'.repeat(4)}`],
    ['empty loops in loops', `${'{% for i in (1..900) %}'.repeat(4)}${'{% endfor %}'.repeat(4)}`],
    ['a table of a billion', '{% tablerow i in (1..1000000000) %}x{% endtablerow %}'],
    ['a text of 10 MB', '{% for i in (1..9000) %}{{ long }}{% endfor %}'],
    [
      'captures that double',
      `{% capture a %}xxxxxxxxxx{% endcapture %}${'{% capture a %}{{ a }}{{ a }}{% endcapture %}'.repeat(60)}`,
    ],
    ['texts that double', `{% assign a = "x" %}${'{% assign a = a | append: a %}'.repeat(60)}`],
    [
      'lists that double',
      `{% assign a = "a,b" | split: "," %}${'{% assign a = a | concat: a %}'.repeat(60)}`,
    ],
    ['a wide date', '{{ "now" | date: "%999999999d" }}'],
    ['a long padding', '{{ long | replace: "x", long }}'],
  ])('%s is stopped by the bounds', async (_, template) => {
    expect(await write(template, { long: 'x'.repeat(2000) })).toBe('TEMPLATE_ERROR');
  });

  test.each([
    ['{{ __proto__ }}', '__proto__'],
    ['{{ constructor }}', 'constructor'],
    ['{{ toString }}', 'toString'],
    ['{{ text.constructor.name }}', 'text.constructor'],
    ['{{ list.map }}', 'list.map'],
    ['{{ object.__proto__.polluted }}', 'object.__proto__'],
    ['{{ object["constructor"] }}', 'object.constructor'],
    ['{{ device.constructor }}', 'device.constructor'],
  ])('%s is a variable that is not known', async (template, variable) => {
    const attributes = { text: 'a', list: [1], object: {} };
    expect(await write(template, attributes)).toBe(`TEMPLATE_VARIABLE ${variable}`);
  });

  test('keys of a prototype in the attributes are keys like others', async () => {
    const attributes = JSON.parse(
      '{"__proto__": {"polluted": "yes"}, "constructor": "c", "toString": 1}',
    ) as Record<string, unknown>;
    expect(await write('{{ __proto__.polluted }} {{ constructor }} {{ toString }}', attributes)).toBe(
      'yes c 1',
    );
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('one rendering leaves nothing behind for the next', async () => {
    const renderer = await makeRenderer(
      partsOf({ body: '{% assign seen = "x" %}{% increment n %}{{ nickname | default: "-" }}' }),
      'k',
    );
    const attributes = Object.freeze({ nickname: 'Ada' });
    for (const given of [attributes, {}, attributes]) {
      const rendered = renderer.render(DEVICE, given);
      expect(isUnrendered(rendered) ? rendered : rendered.content.body).toBe(
        given === attributes ? '0Ada' : '0-',
      );
    }
  });

  test('deep nesting is written, or refused as a template', async () => {
    const deep = (levels: number) => `${'{%if 1%}'.repeat(levels)}x${'{%endif%}'.repeat(levels)}`;
    expect(await write(deep(100))).toBe('x');
    await expect(write(deep(600))).rejects.toThrow(
      'body: expected a template in Liquid, got 10201 characters',
    );
    await expect(write(`{{ ${'('.repeat(4000)}1${')'.repeat(4000)} }}`)).rejects.toThrow(
      'a template in Liquid',
    );
  });
});

test.each([
  ['Hi {{ nickname', 'a tag that is not closed in line 1, column 4'],
  ['\n\n  {% if a %}', 'a tag that is not closed in line 3, column 3'],
  ['{% nope %}', 'an unknown tag, nope, in line 1, column 1'],
  ['{{ a | secretword12345 }}', 'an unknown filter, (a name of 15 characters), in line 1, column 1'],
  ['{% include "/etc/passwd" %}', 'an unknown tag, include, in line 1, column 1'],
  ['{% render "x" %}', 'an unknown tag, render, in line 1, column 1'],
  ['{% layout "x" %}', 'an unknown tag, layout, in line 1, column 1'],
  ['{% if %}{% endif %}', 'another text in line 1, column 6'],
  [`{{ a }}${' '.repeat(10_000)}`, '10007 characters, more than 10000'],
])('%s cannot be read, and the error says where', async (body, got) => {
  await expect(makeRenderer(partsOf({ body }), 'k')).rejects.toMatchObject({
    code: 'DATABASE',
    message: `body: expected a template in Liquid, got ${got}`,
  });
});

test('every part of the content may be a template', async () => {
  const parts = partsOf({
    title: '{{ a }}1',
    image: 'https://example.com/{{ a }}.png',
    data: { plain: 'x', filled: '{{ a }}' },
    options: { link: 'https://example.com/{{ a }}', sound: 'chime' },
  });
  expect((await makeRenderer(parts, 'k')).render(DEVICE, { a: 'A' })).toEqual({
    content: {
      ...{ title: 'A1', body: 'b', image: 'https://example.com/A.png', data: { plain: 'x', filled: 'A' } },
      options: { link: 'https://example.com/A', sound: 'chime' },
    },
    ttlSeconds: null,
    collapseKey: 'k',
  });
});

test('a picture and a link that become empty are none', async () => {
  const parts = partsOf({ image: '{{ a | default: "" }}', options: { link: '{{ a | default: "" }}' } });
  const rendered = (await makeRenderer(parts, 'k')).render(DEVICE, {});
  expect(rendered).toMatchObject({ content: { image: null, options: { link: undefined } } });
});

test('a message may have 4,096 bytes, in whatever characters', async () => {
  const renderer = await makeRenderer(
    partsOf({ body: '{{ a }}', options: { link: 'https://a.b/{{ b }}' } }),
    'k',
  );
  for (const [character, bytes] of [
    ['x', 1],
    ['é', 2],
    ['九', 3],
    ['"', 2],
    ['\u0001', 6],
  ] as const) {
    const small = renderer.render(DEVICE, { a: character, b: 'b' });
    const base = isUnrendered(small) ? Number.NaN : bytesOf(small) - bytes;
    const fits = character.repeat(Math.floor((4096 - base) / bytes));
    expect(renderer.render(DEVICE, { a: fits, b: 'b' })).toMatchObject({ content: { body: fits } });
    expect(renderer.render(DEVICE, { a: fits + character, b: 'b' })).toEqual({ problem: 'MESSAGE_TOO_BIG' });
  }
});

test('locales have templates of their own, and what they do not say is as in the own content', async () => {
  const locales = { de: { title: 'Hallo {{ nickname }}', body: 'b', data: { a: '{{ member.id }}' } } };
  const renderer = await makeRenderer(partsOf({ title: 'Hi', image: 'https://a.b/c.png' }, locales), 'k');
  expect(renderer.render(DEVICE, { nickname: 'Ada' })).toMatchObject({
    content: { title: 'Hallo Ada', image: 'https://a.b/c.png', data: { a: 'ada' } },
  });
  expect(renderer.render({ ...DEVICE, locale: 'fr' }, {})).toMatchObject({ content: { title: 'Hi' } });
  expect(renderer.knows('de-CH')).toBe(true);
  expect(renderer.knows('fr')).toBe(false);
});

test('without a template, braces are text, and devices of a locale share one message', async () => {
  const locales = { de: { title: 'Hallo {{ nickname }}', body: 'b' } };
  const renderer = await makeRenderer({ ...partsOf({ title: 'Hi {{ a' }, locales), template: null }, 'k');
  const german = renderer.render(DEVICE, {});
  expect(german).toMatchObject({ content: { title: 'Hallo {{ nickname }}' } });
  expect(renderer.render({ ...DEVICE, deviceId: 8, locale: 'de' }, {})).toBe(german);
  expect(renderer.render({ ...DEVICE, locale: null }, {})).toMatchObject({ content: { title: 'Hi {{ a' } });
});

test('only an announcement with locales or a template needs a renderer', () => {
  expect(needsRenderer({})).toBe(false);
  expect(needsRenderer({ locales: null, template: null })).toBe(false);
  expect(needsRenderer({ locales: {} })).toBe(false);
  expect(needsRenderer({ template: 'liquid' })).toBe(true);
  expect(needsRenderer({ locales: { de: { title: 't', body: 'b' } } })).toBe(true);
});

test('a request with a wrong template or a locale that is too long makes no announcement', async () => {
  const senders = { check: () => {} };
  const ctx = { senders, config: { source: 'default', database: {} } } as unknown as Context;
  const request = (fields: object) =>
    parseWith(announceSchema, { title: 't', body: 'b', ...fields }, 'BAD_EVENT');
  await expect(announce(ctx, request({ template: 'liquid', title: '\n {% if %}' }))).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: 'title: expected a template in Liquid, got another text in line 2, column 7',
  });
  const long = { de: { title: 't', body: 'x'.repeat(5000) } };
  await expect(announce(ctx, request({ locales: long }))).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringMatching(
      /^locales\.de\.body: expected a message of at most 4096 bytes in all, got one of 52\d\d$/,
    ) as string,
  });
});

test.each([
  [{ locales: { de: { title: 't' } } }, 'locales.de.body: expected a text, got nothing'],
  [{ locales: { 'not a locale': { title: 't', body: 'b' } } }, 'expected a locale such as de or zh-TW'],
  [{ locales: { de: { title: 't', body: 'b', sound: 's' } } }, 'locales.de.sound: expected no such field'],
  [{ locales: 'de' }, 'locales: expected an object: content by locale, got 2 characters'],
  [
    { locales: JSON.parse('{"__proto__":{"title":"t","body":"b"}}') as unknown },
    'locales.__proto__: expected a locale such as de or zh-TW',
  ],
  [
    { locales: { de: { title: 't', body: 'b' }, DE: { title: 'T', body: 'B' } } },
    'locales: expected each locale once: case does not count, got an object with de, DE',
  ],
  [{ template: 'jinja' }, 'template: expected liquid, got 5 characters'],
  [
    { title: undefined, body: undefined, data: { a: '1' }, locales: { de: { title: 't', body: 'b' } } },
    'locales: expected a title and a body beside it, for devices of other locales, got an object with de',
  ],
])('%j is refused', (fields, message) => {
  expect(() => parseWith(announceSchema, { title: 't', body: 'b', ...fields }, 'BAD_EVENT')).toThrow(message);
});

test('templates that fit are accepted, however long they are', async () => {
  const body = `{% comment %}${'x'.repeat(6000)}{% endcomment %}short`;
  const fields = { title: 't', body, template: 'liquid' };
  const { announcement } = parseWith(announceSchema, fields, 'BAD_EVENT');
  await expect(checkTexts(announcement)).resolves.toBeUndefined();
  expect(await write(body)).toBe('short');
});
