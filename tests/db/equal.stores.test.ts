import type { NewMessage, Recipient } from '../../src/model/message.ts';
import { describe, expect, test } from 'vitest';
import { toDevice, toMember } from '../support/context.ts';
import { describeStores, draft, LEASE_MS } from './contract.ts';

const messageTo = (recipient: Recipient, messageKey: string): NewMessage => ({
  ...{ messageKey, source: 'default', content: draft.content, ttlSeconds: null, recipient },
});

await describeStores('equality', ({ kind, store }) => {
  test('a message to a member goes to that member alone, whatever the database takes for equal', async () => {
    const members = [
      'anna',
      'anna ',
      ' anna',
      'Anna',
      'ANNA',
      'änna',
      'anna\t',
      'ßtrasse',
      'sstrasse',
      '4711',
    ];
    const devices = members.map((memberId, nth) => ({
      ...{ target: `${kind}-member-${nth}`, targetKind: 'token' as const, memberId },
    }));
    await store.addDevices(devices);
    const messages = members.map((memberId, nth) => messageTo(toMember(memberId), `member-${nth}`));
    const claims = await store.claimMessages(messages, 'owner', LEASE_MS);
    const targets = claims.map((claim) => claim.devices.map(({ target }) => target));
    expect(targets).toEqual(devices.map(({ target }) => [target]));
  });

  test('a device is removed by its own target alone', async () => {
    const target = `${kind}-removed`;
    await store.addDevices([{ target, targetKind: 'token' }]);
    for (const other of [`${target} `, ` ${target}`, target.toUpperCase(), `${target}\0`, `${target}é`]) {
      expect(await store.removeDevice(other)).toBe(false);
    }
    expect(await store.removeDevice(target)).toBe(true);
  });

  test('an announcement with the key of an earlier one is the same only with the same content', async () => {
    const at = Date.UTC(2027, 0, 1);
    const content = { ...draft.content, data: { a: '1', b: '2' }, options: { badge: 1, sound: 'x' } };
    const first = await store.createAnnouncementOnce({ ...draft, content }, 'same', at);
    expect(first).toMatchObject({ isNew: true, isSame: true });
    const again = {
      ...draft,
      content: { ...content, data: { b: '2', a: '1' }, options: { sound: 'x', badge: 1 } },
    };
    const { announcementId } = first;
    const repeat = await store.createAnnouncementOnce(again, 'same', at + 1);
    expect(repeat).toEqual({ announcementId, isNew: false, isSame: true });
    for (const other of [
      { ...draft, content: { ...content, title: `${content.title} ` } },
      { ...draft, content: { ...content, body: content.body.toUpperCase() } },
      { ...draft, content: { ...content, data: { a: '1' } } },
      { ...draft, content: { ...content, options: {} } },
      { ...draft, content, ttlSeconds: 60 },
      { ...draft, content, dryRun: true },
      { ...draft, content, guarantee: 'at-most-once' as const },
      { ...draft, content, source: 'shop' },
    ]) {
      const result = await store.createAnnouncementOnce(other, 'same', at);
      expect(result).toEqual({ announcementId, isNew: false, isSame: false });
    }
    expect(await store.createAnnouncementOnce(draft, 'Same', at)).toMatchObject({ isNew: true });
  });

  test('a message with the key of an earlier one is the same only with the same content and recipient', async () => {
    const first = messageTo(toDevice(1), 'm');
    await store.claimMessages([first], 'owner', LEASE_MS);
    const isSame = async (message: NewMessage) =>
      (await store.claimMessages([message], 'owner', LEASE_MS))[0]?.isSame;
    expect(await isSame(first)).toBe(true);
    expect(await isSame({ ...first, recipient: toDevice(2) })).toBe(false);
    expect(await isSame({ ...first, recipient: toMember('1') })).toBe(false);
    expect(await isSame({ ...first, content: { ...first.content, title: 'Other' } })).toBe(false);
    expect(await isSame({ ...first, ttlSeconds: 1 })).toBe(false);
  });
});

await describeStores('values', ({ store }) => {
  const long = (characters: number): string => 'é'.repeat(characters);
  const at = Date.UTC(2027, 0, 1);

  test('that just fit their columns are kept unchanged', async () => {
    const member = `${long(63)}🎉`;
    await store.addDevices([{ target: 't'.repeat(512), targetKind: 'token', memberId: member }]);
    const [claim] = await store.claimMessages([messageTo(toMember(member), 'k'.repeat(128))], 'o', LEASE_MS);
    expect(claim?.devices).toHaveLength(1);
    const content = { ...draft.content, body: `${'x'.repeat(65_531)}🎉` };
    const id = await store.createAnnouncement({ ...draft, content, source: long(64) });
    expect(await store.fetchAnnouncement(id)).toMatchObject({ source: long(64), content });
  });

  describe('that do not fit are refused, and the error names the column but not the value', () => {
    const device = { target: 't', targetKind: 'token' } as const;
    test.each([
      ['target: expected at most 512 characters, got 513', { ...device, target: 'x'.repeat(513) }],
      ['target: expected visible ASCII characters, got others among them', { ...device, target: 'secret ' }],
      ['target: expected visible ASCII characters, got others among them', { ...device, target: 'sécret' }],
      ['target: expected visible ASCII characters, got none', { ...device, target: '' }],
      ['member_id: expected at most 64 characters, got 65', { ...device, memberId: long(65) }],
      ['member_id: expected Unicode text, got half a surrogate pair', { ...device, memberId: 'a\ud83c' }],
    ])('%s', async (message, bad) => {
      const before = await store.countDevices();
      const good = { target: 'good', targetKind: 'token' } as const;
      await expect(store.addDevices([good, bad])).rejects.toMatchObject({ code: 'BAD_INPUT', message });
      await expect(store.registerDevice(bad)).rejects.toMatchObject({ code: 'BAD_INPUT', message });
      expect(await store.countDevices()).toBe(before);
    });

    test.each([
      [
        'title: expected at most 65535 bytes, got 65536',
        { content: { ...draft.content, title: long(32_768) } },
      ],
      [
        'title: expected Unicode text, got half a surrogate pair',
        { content: { ...draft.content, title: '\udf89' } },
      ],
      [
        'data: expected at most 65535 bytes, got 65544',
        { content: { ...draft.content, data: { key: 'x'.repeat(65_534) } } },
      ],
      ['source: expected at most 64 characters, got 65', { source: long(65) }],
    ])('%s', async (message, change) => {
      const announcement = { ...draft, ...change };
      await expect(store.createAnnouncement(announcement)).rejects.toMatchObject({ message });
      await expect(store.createAnnouncementOnce(announcement, 'key', at)).rejects.toMatchObject({ message });
      const bad = { ...messageTo(toDevice(1), 'key'), ...change };
      await expect(store.addMessages([bad], at)).rejects.toMatchObject({ message });
      await expect(store.claimMessages([bad], 'owner', LEASE_MS)).rejects.toMatchObject({ message });
      expect(
        await store.createAnnouncementOnce(draft, `key of ${message}`.replaceAll(' ', '-'), at),
      ).toMatchObject({ isNew: true });
    });

    test.each([253_402_300_800_000, -1, Number.NaN, Infinity, 1.5])('a time of %d', async (time) => {
      const message = /^time: expected a time from 1970 to 9999, got/;
      const id = await store.createAnnouncement(draft);
      await expect(async () => store.createAnnouncementOnce(draft, 'time', time)).rejects.toThrow(message);
      await expect(async () => store.scheduleAnnouncement(id, time)).rejects.toThrow(message);
      await expect(store.addMessages([messageTo(toDevice(1), 'time')], time)).rejects.toThrow(message);
      expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'draft' });
    });

    test('the last time of a column is kept', async () => {
      const publishAt = 253_402_300_799_999;
      await store.createAnnouncementOnce(draft, 'last', publishAt);
      expect(await store.fetchLatest(1)).toMatchObject([{ publishAt }]);
    });

    test('a reason that is longer than its column is cut: an announcement can always fail', async () => {
      const id = await store.createAnnouncement(draft);
      expect(await store.moveAnnouncement(id, ['draft'], 'failed', `${'🎉'.repeat(40_000)}\ud83c`)).toBe(
        true,
      );
      const { statusReason = '' } = (await store.fetchAnnouncement(id)) ?? {};
      expect(statusReason).toMatch(/^🎉{16000,16383}$/u);
    });
  });
});
