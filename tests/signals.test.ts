import { expect, test } from 'vitest';
import type { NewSignal } from '../src/model/signal.ts';
import { cleanValue, makeSignals } from '../src/signals.ts';
import { makeTestClock } from './support/clock.ts';

const sunset: NewSignal = { kind: 'header', source: 'shop', name: 'fcm:sunset', value: 'soon' };
const MINUTE = 60_000;

function begin() {
  const clock = makeTestClock();
  const written: (readonly NewSignal[])[] = [];
  const logged: string[] = [];
  let isDown = false;
  const signals = makeSignals({
    store: {
      async recordSignals(all) {
        if (isDown) throw new Error('down');
        written.push(all);
      },
    },
    clock,
    log: { info() {}, error: (event) => void logged.push(event) },
  });
  return { clock, written, logged, signals, goDown: (down: boolean) => (isDown = down) };
}

test('a new signal is written once by the next flush, with its latest value and its number', async () => {
  const { signals, written } = begin();
  await signals.flush();
  expect(written).toEqual([]);
  for (let nth = 1; nth <= 3000; nth++) signals.note({ ...sunset, value: `value ${nth}` });
  await signals.flush();
  await signals.flush();
  expect(written).toEqual([[{ ...sunset, value: 'value 3000', times: 3000 }]]);
});

test('a signal that stays costs one statement in five minutes, and a new one is written at once with the others', async () => {
  const { signals, written, clock } = begin();
  for (let hop = 0; hop < 20; hop++) {
    signals.note(sunset);
    await signals.flush();
    await clock.advance(10_000);
  }
  expect(written).toHaveLength(1);
  signals.note({ ...sunset, name: 'fcm:link' });
  await signals.flush();
  expect(written[1]).toMatchObject([
    { name: 'fcm:sunset', times: 19 },
    { name: 'fcm:link', times: 1 },
  ]);
  await clock.advance(5 * MINUTE);
  await signals.flush();
  expect(written).toHaveLength(2);
  signals.note(sunset);
  await signals.flush();
  expect(written[2]).toMatchObject([{ name: 'fcm:sunset', times: 1 }]);
});

test('a database that takes no signals fails nothing: they are logged once, kept, and written later', async () => {
  const { signals, written, logged, clock, goDown } = begin();
  goDown(true);
  for (let hop = 0; hop < 5; hop++) {
    signals.note(sunset);
    await signals.flush();
  }
  expect(logged).toEqual(['signals not recorded']);
  goDown(false);
  await clock.advance(5 * MINUTE);
  await signals.flush();
  expect(written).toMatchObject([[{ name: 'fcm:sunset', times: 5 }]]);
});

test('two flushes at the same time write a signal once', async () => {
  const { signals, written } = begin();
  signals.note(sunset);
  await Promise.all([signals.flush(), signals.flush()]);
  expect(written).toHaveLength(1);
});

test('a hundred names are remembered, whatever services make up', async () => {
  const { signals, written } = begin();
  for (let nth = 0; nth < 5000; nth++) signals.note({ ...sunset, name: `fcm:${nth}` });
  await signals.flush();
  expect(written[0]).toHaveLength(100);
});

test.each([
  ['Sat, 31 Oct 2026 23:59:59 GMT', 'Sat, 31 Oct 2026 23:59:59 GMT'],
  ['<https://a.example/b-page-about-the-end-of-the-legacy-messages>', undefined],
  ['<https://me:secret@a.example/b?key=AIzaSecret#c>; rel="sunset"', '<https://a.example/b>; rel="sunset"'],
  ['299 - "gone\r\n\u001B[31msoon\u0000\u202E"', '299 - "gone [31msoon "'],
  [`Bearer ya29.${'aB3'.repeat(20)} is old`, 'Bearer ya29.... is old'],
])('of the value %j what may be a key is not kept, and it is one line', (value, kept) => {
  expect(cleanValue(value)).toBe(kept ?? value);
});

test('a long value is cut, and cleaning it takes no time', () => {
  expect(cleanValue('word '.repeat(100_000))).toHaveLength(303);
  expect(cleanValue(`https://${'a@'.repeat(500_000)}`).length).toBeLessThan(310);
});
