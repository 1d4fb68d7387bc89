import { expect, test } from 'vitest';
import { MAX_FINDINGS } from '../../src/content/lint.ts';
import { draft } from '../support/context.ts';
import { makeWorkplace } from '../support/baton.ts';
import { makeToken } from '../support/targets.ts';

const DE = { title: 'Hallo {{ nickname }}', body: '{{ points }} Punkte' };
const content = {
  ...draft.content,
  title: 'Hi {{ nickname | default: "there" }}',
  body: '{{ points }} points',
};

test('lint counts what is wrong with examples, preview shows a message, and neither prints a token', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  await store.setMember('ada', { nickname: 'Ada', points: 7 });
  await store.setMember('eve', { nickname: 'x'.repeat(5000), points: 1 });
  const devices = [
    { memberId: 'ada', locale: 'de-CH' },
    { memberId: 'eve', locale: 'fr' },
    ...Array.from({ length: 7 }, () => ({ memberId: 'nobody', locale: 'de' })),
    { locale: 'es' },
  ];
  for (const [nth, device] of devices.entries()) {
    await store.registerDevice({ target: makeToken(`lint-${nth}`), targetKind: 'token', ...device });
  }
  await store.createAnnouncement({ ...draft, content, template: 'liquid', locales: { de: DE } });

  const report = JSON.parse((await here.baton(['lint', '1', '--json'])).out) as unknown;
  expect(report).toEqual({
    announcementId: 1,
    problem: null,
    devices: 10,
    rejected: 9,
    findings: [
      {
        kind: 'TEMPLATE_VARIABLE',
        name: 'nickname',
        devices: 7,
        examples: [3, 4, 5, 6, 7],
        isRejected: true,
      },
      { kind: 'MESSAGE_TOO_BIG', name: null, devices: 1, examples: [2], isRejected: true },
      { kind: 'TEMPLATE_VARIABLE', name: 'points', devices: 1, examples: [10], isRejected: true },
      { kind: 'MEMBER_UNKNOWN', name: null, devices: 7, examples: [3, 4, 5, 6, 7], isRejected: false },
      { kind: 'LOCALE_WITHOUT_TEXT', name: 'fr', devices: 1, examples: [2], isRejected: false },
      { kind: 'NO_MEMBER', name: null, devices: 1, examples: [10], isRejected: false },
      { kind: 'LOCALE_WITHOUT_TEXT', name: 'es', devices: 1, examples: [10], isRejected: false },
    ],
  });
  const lint = await here.baton(['lint', '1']);
  expect(lint).toMatchObject({ status: 1, err: '' });
  expect(lint.out).toMatch(/^announcement 1: 10 devices, 9 would get no message\n/);
  expect(lint.out).toContain('no message  TEMPLATE_VARIABLE nickname: 7 devices, such as 3, 4, 5, 6, 7\n');
  expect(lint.out).toContain('note  LOCALE_WITHOUT_TEXT fr: 1 device, such as 2\n');

  const own = await here.baton(['preview', '1']);
  expect(own.out).toMatch(/^Own content\n {2}Android\n {4}Hi \{\{ nickname[^]*Locale de\n/);
  const ada = await here.baton(['preview', '1', '--device', 'member:ada']);
  expect(ada.out).toMatch(/^Device 1, locale de-CH\n {2}Android\n {4}Hallo Ada\n {4}7 Punkte\n {2}iOS\n/);
  const json = JSON.parse((await here.baton(['preview', '1', '--device', '1', '--json'])).out) as unknown;
  expect(json).toMatchObject({
    announcementId: 1,
    messages: [{ deviceId: 1, message: { notification: { title: 'Hallo Ada', body: '7 Punkte' } } }],
  });
  const none = await here.baton(['preview', '1', '--device', '3']);
  expect(none.status).toBe(1);
  expect(none.out).toContain('no message: the template uses a variable that is not known');
  expect(none.out).toContain('(TEMPLATE_VARIABLE: nickname)');
  expect(await here.baton(['preview', '1', '--device', '77'])).toMatchObject({ status: 1, out: '' });
  expect(await here.baton(['preview', '1', '--device', makeToken('x')])).toMatchObject({
    status: 2,
    out: '',
  });
  for (const { out } of [lint, own, ada, none]) expect(out).not.toContain('lint-');
});

test('lint of a wrong template names the place, and lint of a good announcement ends with 0', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  await store.registerDevice({ target: makeToken('a'), targetKind: 'token' });
  await store.createAnnouncement(draft);
  await store.createAnnouncement({ ...draft, content: { ...content, body: '{{ a' }, template: 'liquid' });
  expect(await here.baton(['lint', '1'])).toEqual({
    status: 0,
    out: 'announcement 1: 1 device, each gets a message\n',
    err: '',
  });
  expect(await here.baton(['lint', '2'])).toMatchObject({
    status: 1,
    out: 'announcement 2 cannot be sent: body: expected a template in Liquid, got a tag that is not closed in line 1, column 1\n',
  });
});

test('the locales of devices are any text: of very many only some are named', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  const count = MAX_FINDINGS + 50;
  await store.addDevices(
    Array.from({ length: count }, (_, nth) => ({
      ...{ target: makeToken(`many-${nth}`), targetKind: 'token' as const },
      locale: `xx-${String(nth).padStart(4, '0')}`,
    })),
  );
  await store.createAnnouncement({ ...draft, locales: { de: { title: 't', body: 'b' } } });
  const { out, status } = await here.baton(['lint', '1', '--json']);
  const { findings } = JSON.parse(out) as { findings: { name: string; devices: number }[] };
  expect(status).toBe(0);
  expect(findings).toHaveLength(MAX_FINDINGS + 1);
  expect(findings[0]).toMatchObject({ name: 'others', devices: 50 });
});
