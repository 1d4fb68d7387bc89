import { GUARANTEES, MAX_LANES } from '../model/announcement.ts';
import { audienceOption } from './audience-option.ts';
import { CONTENT_OPTIONS } from './content-options.ts';
import { ENGINE_OPTIONS } from './engine-options.ts';
import { SERIES_OPTIONS } from './series-options.ts';
import { parseTestName, refuseTestName } from '../messages/test-devices.ts';
import type { TestName } from '../model/device.ts';
import {
  flag,
  id,
  JSON_OPTION,
  oneOf,
  type Option,
  text,
  time,
  under,
  type ValuesOf,
  wholeNumber,
} from './options.ts';

function parseName(value: string, field: string): readonly TestName[] {
  const name = parseTestName(value);
  if (name === null) throw refuseTestName(field, value);
  return [name];
}

const TO: Option<readonly TestName[]> = {
  help:
    'only try it: send it now to a TOKEN, device:ID, member:ID or test (all devices with is_test = 1); ' +
    'repeat the option for more',
  placeholder: 'DEVICE',
  fallback: [],
  isRepeatable: true,
  parse: parseName,
};

/** `PUSH_OPTIONS` are all options of `baton push`. */
export const PUSH_OPTIONS = {
  ...CONTENT_OPTIONS,
  ...under('Which announcement', {
    announcement: id('push an announcement that is already in push_announcement, instead of a new one'),
    audience: audienceOption(
      'only these devices, such as "platform=ios locale=de tag:plan=pro"; default: all',
    ),
    resume: flag('continue an announcement that was killed, paused or failed'),
  }),
  ...SERIES_OPTIONS,
  ...under('How to send it', {
    dryRun: flag('FCM checks every message (validate_only), and no phone shows one'),
    to: TO,
    yes: flag('do not ask before a push to more devices than CONFIRM_ABOVE, as scripts need it'),
    expect: wholeNumber(
      'N',
      'start only if the number of devices is within 10% of this; otherwise pause it',
      {
        min: 1,
        max: Number.MAX_SAFE_INTEGER,
        fallback: null,
      },
    ),
    at: time('TIME', 'schedule it for this time instead of now, such as 2026-12-24T18:07+01:00'),
    source: text('NAME', 'the Firebase project to push through (default: FCM_SOURCE)', { fallback: null }),
    guarantee: oneOf(
      'NAME',
      'what a crash does to the pushes in flight: at-least-once sends them again, at-most-once leaves them as unknown',
      { choices: GUARANTEES, fallback: 'at-least-once' },
    ),
    lanes: wholeNumber('N', 'chains of hops side by side, if one cannot use up the quota', {
      min: 1,
      max: MAX_LANES,
      fallback: 1,
    }),
    ...ENGINE_OPTIONS,
    json: JSON_OPTION,
  }),
};

export type PushOptions = ValuesOf<typeof PUSH_OPTIONS>;
