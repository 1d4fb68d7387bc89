import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { workerEnvironment } from '../../src/cli/environment.ts';
import { parseConfig } from '../../src/config/config.ts';
import { configurationTable, VARIABLES } from '../../src/config/variables.ts';

test('the table in docs/configuration.md has exactly the variables of the list', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const table = /<!-- variables -->\n+(.*?)\n+<!-- \/variables -->/s.exec(page)?.[1];
  expect(table).toBe(configurationTable());
});

test('the defaults of the list are the configuration of an empty environment', () => {
  const defaults = VARIABLES.filter(({ fallback }) => fallback !== '');
  const env = Object.fromEntries(defaults.map(({ name, fallback }) => [name, fallback]));
  const [config, expected] = [parseConfig(env), parseConfig({})];
  const withoutMethods = {
    ...config,
    api: { ...config.api, tokens: expected.api.tokens, grants: expected.api.grants },
  };
  expect(withoutMethods).toEqual(expected);
  expect(config.api.tokens.count).toBe(0);
});

test('a variable is in the list once', () => {
  const names = VARIABLES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('workers get every variable but those of the HTTP API and of SNS, and what Google and Node read besides', () => {
  const names = VARIABLES.map(({ name }) => name as string);
  const further = ['FCM_CREDENTIALS_SHOP_B', 'FCM_PROJECT_ID_SHOP_B', 'FCM_MESSAGES_PER_MINUTE_SHOP_B'];
  const google = ['GOOGLE_CLOUD_QUOTA_PROJECT', 'GCLOUD_PROJECT'];
  const others = ['PATH', 'AWS_REGION', 'FCM_OTHER', 'PAGE_SIZE_SHOP_B', 'API_TOKEN_2', 'NODE_OPTIONS'];
  const all = [...names, ...further, ...google, ...others];
  const env = workerEnvironment(Object.fromEntries(all.map((name) => [name, '/x'])), {
    ...parseConfig({ DATABASE_URL: '/x' }),
  });
  expect(Object.keys(env).toSorted()).toEqual(
    [
      ...names.filter((name) => !name.startsWith('API_') && name !== 'ALERT_SNS_TOPIC_ARN'),
      ...further,
      ...google,
    ].toSorted(),
  );
});

test('workers get absolute paths of credentials and of the database, and no empty variable', () => {
  const env = { FCM_CREDENTIALS: 'a.json', FCM_CREDENTIALS_SHOP_B: '{"type": "x"}', STAGE: '' };
  const config = parseConfig({ DATABASE_URL: 'some.db' });
  expect(workerEnvironment(env, config)).toEqual({
    FCM_CREDENTIALS: `${process.cwd()}/a.json`,
    FCM_CREDENTIALS_SHOP_B: '{"type": "x"}',
    DATABASE_URL: `${process.cwd()}/some.db`,
  });
});
