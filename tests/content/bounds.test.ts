import { expect, test } from 'vitest';
import { openEngine, proveBounds } from '../../src/content/engine.ts';
import { checkTexts, makeRenderer } from '../../src/content/render.ts';
import type { Content } from '../../src/model/content.ts';
import type { Device } from '../../src/model/device.ts';
import type { Locales } from '../../src/model/locales.ts';

const DEVICE: Device = { deviceId: 7, target: 't', targetKind: 'token' };

function partsOf(texts: Partial<Content>, locales: Locales | null = null) {
  const content = { title: 't', body: 'b', image: null, data: {}, options: {}, ...texts };
  return { content, locales, template: 'liquid' as const, ttlSeconds: null };
}

function dataOf(count: number, value: (nth: number) => string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, nth) => [`k${nth}`, value(nth)]));
}

const loop = (passes: number): string => `{% for i in (1..${passes}) %}{% endfor %}`;

test('the texts of a message share one budget of steps', async () => {
  const render = async (texts: Partial<Content>) =>
    (await makeRenderer(partsOf(texts), 'k')).render(DEVICE, {});
  expect(await render({ title: `${loop(6000)}t` })).toMatchObject({ content: { title: 't' } });
  expect(await render({ title: `${loop(6000)}t`, body: `${loop(6000)}b` })).toEqual({
    problem: 'TEMPLATE_ERROR',
  });
  expect(await render({ data: dataOf(20, () => loop(900)) })).toEqual({ problem: 'TEMPLATE_ERROR' });
});

test('the texts of a message share one budget of characters, and each message has its own', async () => {
  const data = dataOf(4, () => '{{ long | size }}');
  const renderer = await makeRenderer(partsOf({ data }), 'k');
  const long = 'x'.repeat(20_000);
  const many = dataOf(8, () => '{{ long | upcase | size }}');
  const wide = await makeRenderer(partsOf({ data: many }), 'k');
  for (let nth = 0; nth < 10; nth++) {
    expect(renderer.render(DEVICE, { long })).toMatchObject({ content: { data: { k0: '20000' } } });
    expect(wide.render(DEVICE, { long })).toEqual({ problem: 'TEMPLATE_ERROR' });
  }
});

test('a message has at most 100 templates, in each locale', async () => {
  const some = dataOf(98, () => '{{ device.id }}');
  const texts = { title: '{{ device.id }}', body: '{{ device.id }}' };
  await expect(checkTexts(partsOf({ ...texts, data: some }))).resolves.toBeUndefined();
  const many = { ...some, more: '{{ device.id }}' };
  await expect(checkTexts(partsOf({ ...texts, data: many }))).rejects.toThrow(
    'data: expected at most 100 templates in a message, got 101',
  );
  const parts = partsOf({ data: some }, { de: { ...texts, data: many } });
  await expect(checkTexts(parts)).rejects.toThrow('locales.de.data: expected at most 100 templates');
  await expect(makeRenderer(parts, 'k')).rejects.toMatchObject({ code: 'DATABASE' });
});

test('templates have 100,000 characters in all; a text that locales repeat counts once', async () => {
  const locales = (count: number, body: (nth: number) => string): Locales =>
    Object.fromEntries(
      Array.from({ length: count }, (_, nth) => [`de-${100 + nth}`, { title: 't', body: body(nth) }]),
    );
  const long = (nth: number): string => `{% comment %}${'x'.repeat(9900)}{% endcomment %}${nth}`;
  const repeated = partsOf(
    { data: { long: long(0) } },
    locales(40, () => long(1)),
  );
  await expect(checkTexts(repeated)).resolves.toBeUndefined();
  await expect(checkTexts(partsOf({}, locales(11, long)))).rejects.toThrow(
    'template: expected templates of at most 100000 characters in all locales, got 10',
  );
});

test('a text that cannot be read is reported in each locale that has it', async () => {
  const texts = { title: '{% if %}', body: 'b' };
  const locales = { de: texts, fr: texts };
  await expect(checkTexts(partsOf({}, locales))).rejects.toMatchObject({
    message: expect.stringMatching(/locales\.de\.title: .*locales\.fr\.title: /s) as string,
  });
});

test('what is too long without its templates is refused: no device could get it', async () => {
  const data = { plain: 'x'.repeat(4096) };
  const title = '{{ device.id }}';
  await expect(checkTexts(partsOf({ title, data }))).rejects.toThrow(
    /^body: expected a message of at most 4096 bytes in all, got one of 4\d\d\d without what its templates write$/,
  );
  const german = partsOf({ title }, { de: { title, body: 'b', data } });
  await expect(checkTexts(german)).rejects.toThrow(/^locales\.de\.body: expected a message/);
  const short = partsOf({ title, body: title, data: { plain: 'x'.repeat(3000) } });
  await expect(checkTexts(short)).resolves.toBeUndefined();
});

test('a template engine that does not count is refused', async () => {
  const compile = await openEngine();
  expect(() => proveBounds(compile)).not.toThrow();
  const budget = { takeStep: () => {}, take: () => {} };
  const uncounted: typeof compile = (text, field) => {
    const write = compile(text, field);
    return typeof write === 'function' ? (scope) => write(scope, budget as never) : write;
  };
  expect(() => proveBounds(uncounted)).toThrow(
    'the bounds of templates do not hold: 0 steps and 0 characters counted',
  );
});

test('writing changes no setting of the process', async () => {
  const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') ?? {};
  const changes: unknown[] = [];
  const renderer = await makeRenderer(partsOf({ title: '{{ nickname }}' }), 'k');
  Object.defineProperty(Error, 'stackTraceLimit', {
    configurable: true,
    get: () => 10,
    set(value) {
      changes.push(value);
    },
  });
  try {
    expect(renderer.render(DEVICE, {})).toEqual({ problem: 'TEMPLATE_VARIABLE', variable: 'nickname' });
  } finally {
    Object.defineProperty(Error, 'stackTraceLimit', limit);
  }
  expect(changes).toEqual([]);
});
