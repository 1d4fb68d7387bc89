import { expect, test } from 'vitest';
import { conditionSchema, topicSchema } from '../../src/model/topic.ts';

test('the name of a topic is the same with and without its prefix', () => {
  expect(topicSchema.parse('news')).toBe('news');
  expect(topicSchema.parse('/topics/a-Z_0.~%')).toBe('a-Z_0.~%');
  expect(topicSchema.parse('x'.repeat(900))).toHaveLength(900);
});

test.each([
  [
    '',
    'x'.repeat(901),
    'two words',
    '/topics/',
    'topics/news',
    '/topics//topics/news',
    "a'b",
    'ä',
    'a\nb',
    5,
  ],
])('no topic: %j', (...names) => {
  for (const name of names) expect(topicSchema.safeParse(name).success).toBe(false);
});

const inTopics = (count: number): string =>
  Array.from({ length: count }, (_, nth) => `'t${nth}' in topics`).join(' && ');

test.each([
  "'news' in topics",
  "'a' in topics && ('b' in topics || !('c' in topics))",
  '"a" in topics',
  inTopics(5),
])('a condition: %s', (condition) => {
  expect(conditionSchema.parse(condition)).toBe(condition);
});

test.each([
  '',
  'news',
  "'news'",
  "'two words' in topics",
  inTopics(6),
  "'a' in topics and 'b' in topics",
  "'a' in topics; DROP TABLE push_device",
  `'${'x'.repeat(5000)}' in topics`,
])('no condition: %s', (condition) => {
  expect(conditionSchema.safeParse(condition).success).toBe(false);
});
