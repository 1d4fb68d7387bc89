/**
 * Makes a function that picks the entry for a device's locale: the locale itself, then without its last part, and so on:
 * `zh-Hant-TW`, `zh-Hant`, `zh`. Case does not count, and `_` counts as `-`. Null: there is none.
 */
export function makeLocalePicker<T>(
  entries: Iterable<readonly [locale: string, entry: T]>,
): (locale: string | null | undefined) => T | null {
  const known = new Map([...entries].map(([locale, entry]) => [plain(locale), entry]));
  return (locale) => {
    for (let tag = plain(locale ?? ''); tag !== ''; tag = tag.slice(0, Math.max(0, tag.lastIndexOf('-')))) {
      const entry = known.get(tag);
      if (entry !== undefined) return entry;
    }
    return null;
  };
}

function plain(locale: string): string {
  return locale.toLowerCase().replaceAll('_', '-');
}
