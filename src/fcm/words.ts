/** The most characters of an error message that are kept. */
const MAX_WORDS_LENGTH = 300;

/** The most characters that are read: more than are kept, because cleaning shortens a text. */
const MAX_READ_LENGTH = 4 * MAX_WORDS_LENGTH;

/** FCM's complaint about a value, which quotes the value: it may be somebody's data. */
const QUOTED_VALUE = /(Invalid value at '[^']{1,200}' \([^)]{1,200}\)),[^]*/;

/** As long as a registration token, an access token or a key, and of their alphabet. No word of an error is that long. */
const LIKE_A_SECRET = /[\w:%~-]{40,}/g;

/** Shorter parts of a target occur in other words as well. */
const MIN_TARGET_LENGTH = 4;

/**
 * `cleanWords` makes the text of an error from outside fit for a log and for a person: one line of limited length, without
 * control characters, without the target of the message or anything that looks like a secret. Null if nothing is left.
 */
export function cleanWords(text: unknown, target = ''): string | null {
  if (typeof text !== 'string') return null;
  let words = text.slice(0, MAX_READ_LENGTH).replace(QUOTED_VALUE, '$1');
  // Before the colon of a registration token is the installation id, which is a target as well.
  for (const secret of [target, ...target.split(':')]) {
    if (secret.length >= MIN_TARGET_LENGTH) words = words.replaceAll(secret, '…');
  }
  const line = words
    .replaceAll(LIKE_A_SECRET, '…')
    .replaceAll(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  // By code points: half of a pair would be no valid text.
  const characters = Array.from(line);
  if (characters.length === 0) return null;
  return characters.length > MAX_WORDS_LENGTH ? `${characters.slice(0, MAX_WORDS_LENGTH).join('')}…` : line;
}
