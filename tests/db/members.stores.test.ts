import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver } from '../../src/db/open.ts';
import { MAX_ATTRIBUTES_BYTES } from '../../src/model/member.ts';
import { describeStores } from './contract.ts';

const nested = (levels: number): Record<string, unknown> =>
  levels === 1 ? { end: '' } : { next: nested(levels - 1) };

await describeStores('members', ({ kind, store, database }) => {
  /** Writes a row as another hand may. */
  const insert = async (memberId: string, attributes: string): Promise<void> => {
    const driver = openDriver(database.config, systemClock);
    await driver.run({ sql: 'INSERT INTO push_member VALUES (?, ?)', values: [memberId, attributes] });
    await driver.close();
  };

  const attributesOf = async (memberId: string) => (await store.fetchMember(memberId))?.attributes;

  test('a member has the attributes that were set last, whatever text they hold, and none once it is removed', async () => {
    const odd = { 'Ö"\\\'?': 'Grüße 🎉', list: [1, null, { deep: true }], 'a.b': '\u0000' };
    await store.setMember('4711', { nickname: 'Jo' });
    expect(await attributesOf('4711')).toEqual({ nickname: 'Jo' });
    await store.setMember('4711', odd);
    expect(await attributesOf('4711')).toEqual(odd);
    await store.setMember('4711', {});
    expect(await attributesOf('4711')).toEqual({});
    expect(await store.removeMember('4711')).toBe(true);
    expect(await store.removeMember('4711')).toBe(false);
    expect(await store.fetchMember('4711')).toBe(null);
  });

  test('many members are fetched at once: twice the same is one, and who is not known is absent', async () => {
    const ids = Array.from({ length: 30 }, (_, nth) => `many-${nth}`);
    for (const id of ids) await store.setMember(id, { id });
    const asked = [...ids, ...ids, 'many-?', "'; DROP TABLE push_member; --", 'x'.repeat(65), '\ud800'];
    const others = Array.from({ length: 5000 }, (_, nth) => `nobody-${nth}`);
    const members = await store.fetchMembers([...others, ...asked]);
    expect(members).toEqual(new Map(ids.map((id) => [id, { id }])));
    expect(await store.fetchMembers([])).toEqual(new Map());
  });

  test('ids that differ in case or in a blank at the end are not the same member', async () => {
    await store.setMember('Ann', { is: 'Ann' });
    await store.setMember('ann', { is: 'ann' });
    expect(await attributesOf('Ann')).toEqual({ is: 'Ann' });
    expect(await store.fetchMember('ann ')).toBe(null);
    expect((await store.fetchMembers(['ann '])).get('ann ')).toBe(undefined);
    expect(await store.removeMember('ann ')).toBe(false);
    await expect(store.setMember('ann ', {})).rejects.toThrow(
      'member_id: expected no blank at the end, got one at the end',
    );
    expect(await attributesOf('ann')).toEqual({ is: 'ann' });
  });

  test('keys that JavaScript gives a meaning of their own are keys like others', async () => {
    const attributes: unknown = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}');
    await store.setMember('__proto__', attributes as Record<string, unknown>);
    const read = (await store.fetchMembers(['__proto__'])).get('__proto__')!;
    expect(Object.keys(read)).toEqual(['__proto__', 'constructor']);
    expect('admin' in read).toBe(false);
  });

  test('attributes that the column cannot hold are refused, and the member keeps those it has', async () => {
    await store.setMember('kept', { nickname: 'Jo' });
    const text = 'x'.repeat(MAX_ATTRIBUTES_BYTES - '{"a":""}'.length);
    await expect(store.setMember('kept', { a: `${text}x` })).rejects.toThrow('at most 65535 bytes of JSON');
    await expect(store.setMember('kept', nested(33))).rejects.toThrow('at most 32 levels deep');
    await expect(store.setMember('kept', { a: '\ud800' })).rejects.toThrow('half a surrogate pair');
    await expect(store.setMember('', {})).rejects.toThrow('member_id: expected 1 to 64 characters, got none');
    await expect(store.setMember('x'.repeat(65), {})).rejects.toThrow('member_id: expected at most 64');
    expect(await attributesOf('kept')).toEqual({ nickname: 'Jo' });
    await store.setMember('kept', { a: text });
    await store.setMember('deep', nested(32));
    expect(await attributesOf('kept')).toEqual({ a: text });
    expect(await attributesOf('deep')).toEqual(nested(32));
  });

  test('a row that is no JSON object is as good as none for many, and says its problem to who asks for it', async () => {
    const rows = ['', 'no JSON', '[1]', 'null', '"text"', '[['.repeat(1000)];
    for (const [nth, attributes] of rows.entries()) await insert(`odd-${kind}-${nth}`, attributes);
    await insert(`odd-${kind}-ok`, '{"nickname": "Jo"}');
    const ids = [...rows.keys(), 'ok'].map((nth) => `odd-${kind}-${nth}`);
    expect(await store.fetchMembers(ids)).toEqual(new Map([[`odd-${kind}-ok`, { nickname: 'Jo' }]]));
    expect(await store.fetchMember(`odd-${kind}-1`)).toEqual({
      attributes: {},
      problem: 'attributes: expected JSON, got 7 characters of something else',
    });
    expect(await store.fetchMember(`odd-${kind}-2`)).toMatchObject({
      problem: expect.stringContaining('a JSON object of attributes'),
    });
    expect(await store.fetchMember(`odd-${kind}-ok`)).toMatchObject({ problem: null });
  });
});
