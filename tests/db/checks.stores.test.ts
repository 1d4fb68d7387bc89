import { expect, test } from 'vitest';
import { alertFromNotices } from '../../src/alert/from-notices.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { Notice } from '../../src/model/notice.ts';
import { describeStores } from './contract.ts';

const node: Notice = {
  name: 'lifecycle:nodejs',
  level: 'amber',
  says: 'Node 24 is supported until 2028-04-30',
  remedy: 'take a newer base image',
  dueOn: '2028-04-30',
  source: 'https://example.com/node',
};
const WEBHOOK = {
  ALERT_WEBHOOK_URL: 'https://example.com/hook',
  ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 1).toString('base64')}`,
};

await describeStores('checks', ({ store }) => {
  const namesOf = async () => (await store.fetchNotices()).map(({ check, name }) => `${check} ${name}`);

  test('a check is claimed once in its time, and its last run is known', async () => {
    expect(await store.claimCheck('radar', 60_000)).toBe(true);
    expect(await store.claimCheck('radar', 60_000)).toBe(false);
    expect(await store.claimCheck('doctor-42', 60_000)).toBe(true);
    const [, before] = await store.fetchChecks();
    expect(before).toMatchObject({ name: 'radar', endedAt: null, ok: null });
    await store.endCheck('radar', false);
    await store.endCheck('doctor', true);
    expect(await store.fetchChecks()).toMatchObject([
      { name: 'doctor', ok: true },
      { name: 'doctor-42', ok: null },
      { name: 'radar', ok: false },
    ]);
    expect(await store.claimCheck('radar', 0)).toBe(true);
    await expect(store.claimCheck('two words', 0)).rejects.toThrow('check_name: expected visible ASCII');
  });

  test('notices stand while their check finds them; each new one, and each new level, has one alert', async () => {
    const config = parseConfig(WEBHOOK);
    const due = { ...node, name: 'header:sunset', level: 'red', dueOn: '2026-12-01' } as const;
    await store.recordNotices('radar', [node, due]);
    await store.recordNotices('doctor', [{ ...node, name: 'database', level: 'red', dueOn: null }]);
    expect(await namesOf()).toEqual(['doctor database', 'radar header:sunset', 'radar lifecycle:nodejs']);
    expect(await alertFromNotices({ store, config })).toBe(3);
    expect(await alertFromNotices({ store, config })).toBe(0);
    const alerts = await store.fetchDueAlerts(['webhook'], 10);
    expect(alerts.map(({ kind }) => kind).toSorted()).toEqual(['doctor', 'radar', 'radar']);
    expect(alerts.find(({ alert }) => alert?.text.includes('red, due'))).toMatchObject({
      announcementId: null,
      alert: { kind: 'radar', announcementId: null, next: due.remedy, reason: due.source },
    });

    await store.recordNotices('radar', [{ ...node, says: 'soon' }]);
    expect(await namesOf()).toEqual(['doctor database', 'radar lifecycle:nodejs']);
    expect(await alertFromNotices({ store, config })).toBe(0);
    await store.recordNotices('radar', [{ ...node, level: 'red' }, due]);
    expect(await alertFromNotices({ store, config })).toBe(2);
    await store.recordNotices('radar', [node, due]);
    expect(await alertFromNotices({ store, config })).toBe(0);
    expect((await store.fetchNotices()).map(({ level }) => level)).toEqual(['red', 'red', 'amber']);
    await store.recordNotices('radar', []);
    expect(await namesOf()).toEqual(['doctor database']);
  });

  test('of two notices of a name the more urgent one stands, and those that no alert is wanted of hold up no other', async () => {
    await store.recordNotices('doctor', [
      { ...node, says: 'soon' },
      { ...node, level: 'red', says: 'now' },
      { ...node, says: 'later' },
    ]);
    const many = Array.from({ length: 101 }, (_, nth) => ({ ...node, name: `canary:${nth}` }));
    await store.recordNotices('canary', many);
    const doctor = (await store.fetchNotices()).filter(({ check }) => check === 'doctor');
    expect(doctor).toMatchObject([{ level: 'red', says: 'now' }]);
    expect(await alertFromNotices({ store, config: parseConfig({ ...WEBHOOK, ALERT_ON: 'doctor' }) })).toBe(
      1,
    );
    await store.recordNotices('canary', []);
    await store.recordNotices('doctor', []);
  });

  test('pruning forgets old signals, but not since when a key is known', async () => {
    const old = { source: 'shop', day: '2020-01-01', value: '1' };
    await store.recordSignals([
      { ...old, kind: 'key', name: 'abc' },
      { ...old, kind: 'targets', name: 'targets' },
    ]);
    await store.pruneChecks();
    expect(await store.fetchSignals('key', 10_000)).toHaveLength(1);
    expect((await store.fetchSignals('targets', 10_000)).filter(({ day }) => day === old.day)).toEqual([]);
  });

  test('a signal is counted by day, source and name, and its latest value stays', async () => {
    const seen = { kind: 'header', source: 'shop', name: 'fcm:sunset' } as const;
    await store.recordSignals([
      { ...seen, value: 'one' },
      { ...seen, value: 'two', times: 5 },
    ]);
    await store.recordSignals([{ ...seen, day: '2020-01-01', value: 'old' }]);
    await store.recordSignals([{ ...seen, kind: 'targets', name: 'targets', value: '{"token":1}' }]);
    await store.recordSignals([]);
    const today = new Date().toISOString().slice(0, 10);
    const [first, ...others] = await store.fetchSignals('header', 30);
    expect(first).toMatchObject({ ...seen, value: 'two', times: 6 });
    expect([today, new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)]).toContain(first?.day);
    expect(others).toEqual([]);
    expect(await store.fetchSignals('header', 10_000)).toHaveLength(2);
    const own = await store.fetchSignalsOf(seen);
    expect(own.map(({ day, value }) => [day, value])).toEqual([
      [first?.day, 'two'],
      ['2020-01-01', 'old'],
    ]);
    expect(await store.fetchSignalsOf({ ...seen, source: 'other' })).toEqual([]);
    expect(await store.fetchSignalsOf({ ...seen, name: 'ä name of no signal' })).toEqual([]);
  });
});
