/**
 * `cutText` cuts a text to at most `max` characters (code points, as MySQL counts them). Half of a surrogate pair, which no
 * database can hold, becomes U+FFFD.
 */
export function cutText(text: string, max: number): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  if (wellFormed.length <= max) return wellFormed;
  // A code point takes at most two units of a string.
  return Array.from(wellFormed.slice(0, 2 * max))
    .slice(0, max)
    .join('')
    .toWellFormed();
}
