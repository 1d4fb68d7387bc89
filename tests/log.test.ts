import { expect, it } from 'vitest';
import { makeLog, withFields } from '../src/log.ts';
import type { LogFields } from '../src/context.ts';
import { clockThatSays } from './support/clock.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

function makeLines(fixed: LogFields = {}) {
  const lines: string[] = [];
  return {
    lines,
    log: makeLog(
      clockThatSays(() => NOON),
      fixed,
      (line) => lines.push(line),
    ),
  };
}

it('writes one JSON object a line: time, level and event, then the fixed fields, then the event’s own', () => {
  const { lines, log } = makeLines({ stage: 'dev' });
  log.info('chunk recorded', { round: 0, isRetry: false });
  log.error('hop not released');
  expect(lines).toEqual([
    '{"time":"2026-01-01T12:00:00.000Z","level":"info","event":"chunk recorded","stage":"dev","round":0,"isRetry":false}',
    '{"time":"2026-01-01T12:00:00.000Z","level":"error","event":"hop not released","stage":"dev"}',
  ]);
});

it('writes a line break in a field as an escape, so that a line stays a line', () => {
  const { lines, log } = makeLines();
  log.error('request failed', { message: 'one\ntwo' });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('\n');
});

it('writes every field, whatever its name or value: null, an empty text, and names that the library reserves', () => {
  const fields = { none: null, empty: '', message: 'm', service: 's', timestamp: 1, sampling_rate: 2 };
  const { lines, log } = makeLines();
  log.info('event', fields);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { time: '2026-01-01T12:00:00.000Z', level: 'info', event: 'event', ...fields },
  ]);
});

it('adds the fields of an invocation to its own lines alone', () => {
  const { lines, log } = makeLines({ stage: 'dev' });
  withFields(log, { requestId: 'r-1' }).info('hop ended', { sent: 3 });
  withFields(log, { requestId: 'r-2' }).error('event refused', { requestId: 'of the event itself' });
  log.info('scanned');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { event: 'hop ended', stage: 'dev', requestId: 'r-1', sent: 3 },
    { event: 'event refused', requestId: 'of the event itself' },
    expect.not.objectContaining({ requestId: expect.anything() }),
  ]);
});

it('cuts a long text, and leaves the other fields as they are', () => {
  const { lines, log } = makeLines();
  log.error('request failed', { message: 'x'.repeat(3_000_000), ms: 7, route: null });
  expect(lines[0]?.length).toBeLessThan(5000);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    message: expect.stringMatching(/^x+…$/),
    ms: 7,
    route: null,
  });
});
