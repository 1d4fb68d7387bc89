import { describeFilter } from '../model/filter-words.ts';
import { type AudienceReport, countAudience } from '../report/audience.ts';
import { countOf, formatCount } from '../words.ts';
import { describeOperands } from './announcement-id.ts';
import { audienceOption } from './audience-option.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION, refuse } from './options.ts';
import { makeTable } from './table.ts';
import { withStore } from './with-store.ts';

/** Locales that are listed, at most. */
const MAX_LOCALES = 20;

export const audienceCommand = defineCommand({
  description:
    'Say how many devices an audience has now: `count` prints the number, `show` also counts by platform and locale, and ' +
    'lists ten of the devices, by a hash of their targets.',
  examples: [
    ['baton audience count --audience "platform=ios locale=de"', 'How many devices'],
    ['baton audience show --audience "tag:plan=pro seen=30d"', 'Which devices'],
    ['baton audience show', 'The same for all devices'],
  ],
  operands: { usage: 'count|show', help: 'count or show' },
  options: {
    audience: audienceOption('the devices to count, such as "platform=ios locale=de"; default: all'),
    json: JSON_OPTION,
  },
  async run({ options: { audience, json }, operands }, { env, out }) {
    const [action] = operands;
    if (operands.length !== 1 || (action !== 'count' && action !== 'show')) {
      throw refuse('ACTION', 'count or show', describeOperands(operands));
    }
    const report = await withStore(env, (store) => countAudience({ store }, audience));
    if (action === 'count') {
      out(
        json ? `${JSON.stringify({ devices: report.devices })}\n` : `${countOf(report.devices, 'device')}\n`,
      );
    } else
      out(
        json ? `${JSON.stringify(report)}\n` : describe(report, audience ? describeFilter(audience) : null),
      );
    return 0;
  },
});

function describe({ devices, platforms, locales, examples }: AudienceReport, words: string | null): string {
  const rest = locales.length - MAX_LOCALES;
  return [
    `${countOf(devices, 'device')}${words === null ? '' : `: ${words}`}\n`,
    makeTable(['platform', 'devices'], shares(platforms)),
    makeTable(
      ['locale', 'devices'],
      [...shares(locales.slice(0, MAX_LOCALES)), ...(rest > 0 ? [[`${rest} more`, '']] : [])],
    ),
    makeTable(
      ['device', 'hash', 'platform', 'locale'],
      examples.map(({ deviceId, hash, platform, locale }) => [
        String(deviceId),
        hash,
        platform ?? '',
        locale ?? '',
      ]),
    ),
  ].join('\n');
}

function shares(list: AudienceReport['platforms']): string[][] {
  return list.map(({ name, devices }) => [
    name === null || name === '' ? 'not known' : name,
    formatCount(devices),
  ]);
}
