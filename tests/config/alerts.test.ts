import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { MARK, SECRET_SHAPES } from '../support/secret.ts';

const KEY = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const URL_OF_HOOK = 'https://hooks.example/alerts?x=1';

test('a webhook has its address, its key and its format; a private address is as good as any', () => {
  const read = (env: Record<string, string>) => parseConfig(env).alerts.webhook;
  expect(read({ ALERT_WEBHOOK_URL: URL_OF_HOOK, ALERT_WEBHOOK_SECRET: KEY })).toEqual({
    url: URL_OF_HOOK,
    secret: KEY,
    format: 'standard',
  });
  expect(read({ ALERT_WEBHOOK_URL: 'http://10.0.0.7:8080', ALERT_WEBHOOK_FORMAT: 'slack' })).toEqual({
    url: 'http://10.0.0.7:8080/',
    secret: null,
    format: 'slack',
  });
  expect(read({ ALERT_WEBHOOK_SECRET: KEY })).toBe(null);
});

test('a webhook of the standard format needs a key', () => {
  expect(() => parseConfig({ ALERT_WEBHOOK_URL: URL_OF_HOOK })).toThrow(
    'ALERT_WEBHOOK_SECRET: expected a key, because ALERT_WEBHOOK_URL is set (ALERT_WEBHOOK_FORMAT=slack needs none), got nothing',
  );
});

test.each([
  'secret',
  'whsec_',
  'whsec_!!!!',
  KEY.slice('whsec_'.length),
  `${KEY}A`,
  `whsec_${Buffer.alloc(23).toString('base64')}`,
  `whsec_${Buffer.alloc(65).toString('base64')}`,
])('the key %j is refused', (secret) => {
  expect(() => parseConfig({ ALERT_WEBHOOK_URL: URL_OF_HOOK, ALERT_WEBHOOK_SECRET: secret })).toThrow(
    'ALERT_WEBHOOK_SECRET: expected whsec_ and a key of 24 to 64 bytes in Base64, got another text',
  );
});

test.each(['ftp://hooks.example', 'hooks.example', 'https://user:password@hooks.example/'])(
  'the address %j is refused',
  (url) => {
    expect(() => parseConfig({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: KEY })).toThrow(
      'ALERT_WEBHOOK_URL: expected an address that begins with https:// or http://, without a user and a password, got another text',
    );
  },
);

test.each(['ALERT_WEBHOOK_URL', 'ALERT_WEBHOOK_SECRET', 'ALERT_SNS_TOPIC_ARN', 'ALERT_ON'])(
  'an invalid %s is not quoted',
  (name) => {
    for (const secret of SECRET_SHAPES.filter((each) => !/^https:\/\/[^@]*$/.test(each))) {
      let said = '';
      try {
        parseConfig({ [name]: secret });
      } catch (error) {
        said = String(error);
      }
      expect([secret, said.includes(name)]).toEqual([secret, true]);
      expect(said).not.toContain(MARK);
    }
  },
);

test('the kinds are a list; an unknown word is refused', () => {
  expect(parseConfig({ ALERT_ON: 'failed, started failed' }).alerts.kinds).toEqual(['started', 'failed']);
  expect(() => parseConfig({ ALERT_ON: 'failed,finished' })).toThrow(
    'ALERT_ON: expected a list of started, done',
  );
});

test('a topic is named by its ARN, also that of a FIFO topic', () => {
  for (const arn of [
    'arn:aws:sns:eu-central-1:123456789012:alerts',
    'arn:aws-cn:sns:cn-north-1:123456789012:a.fifo',
  ])
    expect(parseConfig({ ALERT_SNS_TOPIC_ARN: arn }).alerts.topicArn).toBe(arn);
  expect(() => parseConfig({ ALERT_SNS_TOPIC_ARN: 'alerts' })).toThrow(
    'ALERT_SNS_TOPIC_ARN: expected the ARN of an SNS topic',
  );
});
