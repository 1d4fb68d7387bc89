/** How a version of an app is written: one to four numbers between dots. */
export const VERSION_PARTS = 4;
export const MAX_VERSION_DIGITS = 9;
export const VERSION = /^\d{1,9}(\.\d{1,9}){0,3}$/;

/** The same for MySQL and MariaDB; `\z` is the end of the text, `$` might also stand before a line break there. */
export const SQL_VERSION = '^[0-9]{1,9}([.][0-9]{1,9}){0,3}\\z';

/** `versionKeyOf` is a text that sorts as the numbers of a version do: 4.12 comes after 4.9, and 4.0 is 4. Null: no version. */
export function versionKeyOf(version: string): string | null {
  if (!VERSION.test(version)) return null;
  const parts = version.split('.');
  const all = Array.from({ length: VERSION_PARTS }, (_, nth) => parts[nth] ?? '0');
  return all.map((part) => part.padStart(MAX_VERSION_DIGITS, '0')).join('');
}
