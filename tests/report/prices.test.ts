import { expect, test } from 'vitest';
import { costOf, LAMBDA_PRICES } from '../../src/report/prices.ts';

test('a cost is that of the GB-seconds and of the requests', () => {
  expect(costOf(1000, 0, 'x86_64')).toBeCloseTo(0.0166667, 7);
  expect(costOf(0, 5_000_000, 'arm64')).toBeCloseTo(1, 9);
  expect(LAMBDA_PRICES).toMatchObject({
    region: 'us-east-1',
    source: expect.stringMatching(/^https:/) as string,
  });
});
