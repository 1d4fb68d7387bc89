import { expect, test } from 'vitest';
import { cleanWords } from '../../src/fcm/words.ts';

const FID = 'cVr0Kg2RT6aZ1bYx9mQw3e';
const TOKEN = `${FID}:APA91b${'x'.repeat(134)}`;

test("an error's text becomes one line", () => {
  expect(cleanWords(' Enable it:\r\n\thttps://console.example/a?b=1\u0000\u001B[31m ')).toBe(
    'Enable it: https://console.example/a?b=1 [31m',
  );
});

test('a long text is cut between two characters', () => {
  expect(cleanWords('😀 '.repeat(5000))).toBe(`${'😀 '.repeat(150)}…`);
  expect(cleanWords('a'.repeat(39).concat(' ').repeat(100))).toHaveLength(301);
});

test.each([
  ['the token', `No such token: ${TOKEN}.`, 'No such token: ….'],
  ['the id in the token', `No such installation: ${FID}.`, 'No such installation: ….'],
  ['the encoded token', `No such token: ${encodeURIComponent(TOKEN)}.`, 'No such token: …%3A….'],
  ['a cut token', `No such token: ${TOKEN.slice(0, 80)}`, 'No such token: ……'],
  ["another device's token", `Not ${'q'.repeat(150)}`, 'Not …'],
])('%s is not quoted', (_, text, words) => {
  expect(cleanWords(text, TOKEN)).toBe(words);
});

test("a value of somebody's data is not quoted", () => {
  const text = `Invalid value at 'message.data[0].value' (TYPE_STRING), "Anna's code\n is 4711"`;
  expect(cleanWords(text)).toBe("Invalid value at 'message.data[0].value' (TYPE_STRING)");
});

test.each([[undefined], [null], [7], [{ toString: 1 }], [''], [' \n\u0000 ']])('%j has no words', (text) => {
  expect(cleanWords(text)).toBeNull();
});
