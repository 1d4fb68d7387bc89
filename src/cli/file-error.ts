import { codeOf } from '../errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'a folder',
  ENOTDIR: 'a file in place of a folder',
  EACCES: 'not allowed',
  EPERM: 'not allowed',
  ENOSPC: 'no space left',
  Z_BUF_ERROR: 'a gzip file that is cut off',
  Z_DATA_ERROR: 'a damaged gzip file',
};

/** `describeFileError` says why a file cannot be read: the system's code, and what that means. */
export function describeFileError(error: unknown): string {
  const code = codeOf(error);
  const words = code === null ? undefined : WORDS[code];
  return words === undefined ? (code ?? 'another error') : `${code} (${words})`;
}
