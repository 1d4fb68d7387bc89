import { expect } from 'vitest';
import type { NewDevice } from '../../src/model/device.ts';
import { PLATFORMS } from '../../src/model/filter.ts';
import { localeSchema } from '../../src/model/locales.ts';

/** `expectDevice` checks that each value of a device is one that the table can hold and that audiences can ask for. */
export function expectDevice(device: NewDevice): void {
  const {
    target,
    memberId,
    platform,
    locale,
    timeZone,
    appVersion,
    lastSeenAt,
    isTest,
    isCanary,
    tags = {},
  } = device;
  expect(target).toMatch(/^[\x21-\x7e]{1,512}$/);
  if (isGiven(memberId)) expectText(memberId, 64);
  if (isGiven(platform)) expect(PLATFORMS).toContain(platform);
  if (isGiven(locale)) expect(localeSchema.safeParse(locale).success).toBe(true);
  if (isGiven(timeZone)) expect(() => new Intl.DateTimeFormat('en', { timeZone })).not.toThrow();
  if (isGiven(appVersion)) expect(appVersion).toMatch(/^(?=.{1,32}$)\d{1,9}(\.\d{1,9}){0,3}$/);
  if (isGiven(lastSeenAt)) expect(new Date(lastSeenAt).toISOString()).toMatch(/^\d{4}-/);
  expect([true, false, undefined]).toContain(isTest);
  expect([true, false, undefined]).toContain(isCanary);
  expect(Object.keys(tags).length).toBeLessThanOrEqual(20);
  for (const [name, value] of Object.entries(tags)) {
    expectText(name, 64);
    expectText(value ?? '', 128);
  }
}

function expectText(text: string, max: number): void {
  expect(text.length).toBeGreaterThan(0);
  expect(text.length).toBeLessThanOrEqual(max);
  expect(text.isWellFormed()).toBe(true);
  expect(text).not.toMatch(/\p{Cc}/u);
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
