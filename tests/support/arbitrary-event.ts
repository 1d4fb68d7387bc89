import * as fc from 'fast-check';
import { MARK } from './secret.ts';

/** Any JSON at all, anything else that JavaScript has, and real events in which something is changed or missing. Some hold MARK. */
export function arbitraryEvent(fixtures: readonly object[]): fc.Arbitrary<unknown> {
  const mutated = fc
    .tuple(
      fc.constantFrom(...fixtures),
      fc.array(fc.record({ at: fc.nat(), to: fc.option(strangeValue(), { nil: undefined }) }), {
        minLength: 1,
        maxLength: 4,
      }),
    )
    .map(([event, changes]) =>
      changes.reduce<unknown>((changed, { at, to }) => change(changed, at, to), structuredClone(event)),
    );
  return fc.oneof(
    { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
    { weight: 1, arbitrary: fc.anything({ withBigInt: true, withNullPrototype: true, withMap: true }) },
    { weight: 7, arbitrary: mutated },
  );
}

/** What real callers and mischievous ones send. */
function strangeValue(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      ...[
        'aws:sns',
        'aws:sqs',
        '2.0',
        '1.0',
        'POST',
        'GET',
        'DELETE',
        '/push',
        '/devices',
        '/announcements/1',
      ],
      ...['/health', '{"announcementId": 1}', '{"target": "t"}', '{"kind":"scan"}', '%', '__proto__', ''],
      ...[MARK, `{"target":"${MARK}"}`, `{"title":"${MARK}`, `/devices/${MARK}`, `/${MARK}`],
      ...[true, null, 0, -1, 2 ** 53, 1e308],
    ),
  );
}

/** Replaces the value at the nth place of all those in the event, or leaves it out. */
function change(event: unknown, nth: number, value: unknown): unknown {
  const places: { inside: Record<string, unknown>; key: string }[] = [];
  collect(event, places);
  const place = places[nth % Math.max(1, places.length)];
  // The id of an SQS record is no secret: the reply names it.
  if (!place || place.key === 'messageId') return event;
  if (value === undefined) delete place.inside[place.key];
  else place.inside[place.key] = value;
  return event;
}

function collect(value: unknown, places: { inside: Record<string, unknown>; key: string }[]): void {
  if (typeof value !== 'object' || value === null) return;
  const inside = value as Record<string, unknown>;
  for (const key of Object.keys(inside)) {
    places.push({ inside, key });
    collect(inside[key], places);
  }
}
