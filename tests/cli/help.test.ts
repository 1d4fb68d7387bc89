import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { batonHere } from '../support/baton.ts';

const NAMES = COMMANDS.map(({ name }) => name);

test('baton --help lists every command once, with one line on each', async () => {
  const { status, out } = await batonHere(['--help']);
  expect(status).toBe(0);
  const names = Array.from(out.matchAll(/^ {2}(\w+) +\S/gm), ([, name]) => name);
  expect(names).toEqual(NAMES);
  expect(await batonHere(['help'])).toEqual({ status: 0, out, err: '' });
  expect(await batonHere([])).toEqual({ status: 2, out, err: '' });
});

test.each(NAMES)('%s has its help, under three spellings', async (name) => {
  const help = await batonHere([name, '--help']);
  expect(help.out).toContain(`Usage: baton ${name}`);
  expect(help.out).toContain('--help');
  expect(help.status).toBe(0);
  expect(await batonHere(['help', name])).toEqual(help);
  expect(await batonHere([name, '-h'])).toEqual(help);
});

test.each([
  [['dance'], 'baton: expected one of rehearse, local, init,'],
  [['dance'], ', got dance\n'],
  [['pussh'], '(Did you mean push?)'],
  [['help', 'statsu'], '(Did you mean status?)'],
  [['push', '--tittle', 'x'], "baton push: unknown option '--tittle'\n(Did you mean --title?)\n"],
  [['push', '--title'], 'baton push: --title: expected TEXT, got nothing\n'],
  [['push', 'now'], 'baton push: expected options only, got 1 more\n'],
  [['push', '--workers', 'many'], '--workers: expected a whole number from 1 to 1000, got 4 characters'],
  [['push', '--lanes', '0'], '--lanes: expected a whole number from 1 to 100, got "0"'],
  [
    ['push', '--guarantee', 'twice'],
    '--guarantee: expected one of at-least-once, at-most-once, got 5 characters',
  ],
  [['push', '--apns', '{"title": "Secret'], '--apns: expected JSON, got 17 characters of other text'],
  [['push', '--title', 'T', '--body', 'B', '--link', 'shop'], 'baton push: --link: expected'],
  [
    ['push', '--title', 'T', '--body', 'B', '--locales', '/no/such/file.json'],
    'baton push: --locales: expected a file, got',
  ],
  [
    ['push', '--title', 'Hi {{ name', '--body', 'B', '--template'],
    '--title: expected a template in Liquid, got a tag that is not closed in line 1, column 4',
  ],
  [
    ['push', '--announcement', '1', '--template'],
    '--announcement: expected no --locales or --template beside it, got both',
  ],
  [
    ['push', '--data', 'a=1', '--sound', 'chime'],
    '--sound: expected a title and a body beside it: no phone shows a message of data alone, got 5 characters',
  ],
  [['push', '--data', 'a=1', '--title', 'T'], '--title: expected a title and a --body, --data alone, or an'],
  [['preview', '1', '--device', 'a'], "--device: expected a device's id or member:ID, got 1 character"],
  [['push', '--title', '', '--body', 'B'], 'baton push: --title: expected a title and a --body'],
  [
    ['push', '--title', 'T', '--announcement', '1'],
    '--announcement: expected no --title or --body beside it',
  ],
  [['rehearse', '--faults', 'sunspots=1'], 'baton rehearse: --faults: expected NAME=SHARE'],
  [['rehearse', '--outage', '429@soon'], 'baton rehearse: --outage: expected one of 429, 503'],
  [['serve', '--host', 'http://localhost'], '--host: expected an address or a name, without a port, got 16'],
  [['serve', '--host', ''], '--host: expected an address or a name, without a port, got ""'],
  [
    ['doctor', '--function', 'a b'],
    '--function: expected the name of a Lambda function, NAME:ALIAS, or an ARN',
  ],
  [['rehearse', '--drop', '2'], '--drop: expected a share from 0 to 1, got "2"'],
  [['rehearse', '--resume'], '--resume: expected a --database with a killed rehearsal, got none'],
  [['rehearse', '--db-faults', '1'], '--db-faults: expected a --database mysql://…, which has connections'],
  [['rehearse', '--queue', '1', '--kills', '1'], '--queue: expected no --messages, --resume or --kills'],
  [['list', '--limit', '0'], '--limit: expected a whole number from 1 to 10000, got "0"'],
  [['pause'], "ID: expected one announcement's id, got nothing"],
  [['status', '1', '2'], "ID: expected one announcement's id, got 2 words"],
  [['status', '1', '--watch', '--list', 'rejected'], '--watch: expected no --list beside it, got both'],
  [['plan', '1', '--finish-by', '25:00'], '--finish-by: expected HH:MM, or a time with its zone'],
  [['status', '1', '--list', 'lost'], '--list: expected one of delivered, unregistered, rejected,'],
  [['explain'], "ID: expected one announcement's id, got nothing"],
  [['explain', 'announcement', 'x'], "ID: expected one announcement's id, got 1 character"],
  [['explain', 'device'], "DEVICE: expected a token, a device's id or member:ID, got nothing"],
  [
    ['explain', 'device', 'member:'],
    "DEVICE: expected a token, a device's id or member:ID, got 7 characters",
  ],
  [['explain', 'device', 'a-token', 'another'], 'got 2 words'],
  [
    ['explain', 'device', '1', '--function', 'f'],
    '--function: expected an announcement beside it, got a device',
  ],
  [['explain', '1', '--function', 'a b'], '--function: expected the name of a Lambda function'],
  [['pause', 'x'], 'got 1 character'],
  [['resume', '1', '2'], 'got 2 words'],
  [['import'], 'FILE: expected the path of one CSV file, got nothing'],
  [['devices', 'count'], 'ACTION: expected restore, or nothing, got 5 characters'],
  [['devices', '--announcement', '1'], '--announcement: expected restore before it, got nothing'],
  [['init'], 'expected a terminal to ask questions on, got none'],
])('%j is refused with %j', async (args, words) => {
  const { status, out, err } = await batonHere(args);
  expect(err).toContain(words);
  expect(out).toBe('');
  expect(status).toBe(2);
});
