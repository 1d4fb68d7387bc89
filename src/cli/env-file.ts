import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Env } from '../config/config.ts';
import { findVariable } from '../config/variables.ts';
import { codeOf, type Problem, PushError } from '../errors.ts';
import { countCharacters } from '../show.ts';
import { describeFileError } from './file-error.ts';

/** `ENV_FILE` is the name of the file in the working directory that the command line reads settings from. */
export const ENV_FILE = '.env';

/** `SETTING` matches a line that sets a variable, as Node's `parseEnv` reads it. */
const SETTING = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)$/;

/**
 * `loadEnvFile` adds the variables of the folder's `.env` that the environment does not have. Google's client reads
 * process.env, so that `process.env` as the environment gets them itself. PushError('BAD_CONFIG') names the line, never its
 * value.
 */
export function loadEnvFile(env: Env, folder: string): Env {
  const text = readEnvFile(folder);
  if (text === null) return env;
  const settings = parseEnvFile(text);
  if (env !== process.env) return { ...settings, ...env };
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
  return env;
}

/**
 * `makeEnvReader` reads the folder's `.env` again, for a process that outlives its secrets: keys, passwords and tokens have
 * the values that the file has now. Everything else is as it was in `loaded`: the variables of the process's `own`
 * environment, the other settings, and a secret whose line is gone, but for a token that is revoked in this way. The reader
 * returns the same object for as long as the file has not changed. PushError('BAD_CONFIG').
 */
export function makeEnvReader(own: Env, loaded: Env, folder: string): () => Env {
  let text = readEnvFile(folder);
  let current = { ...loaded };
  const names = Object.keys(loaded).filter(
    (name) => own[name] === undefined && findVariable(name)?.variable.isSecret,
  );
  return () => {
    const latest = readEnvFile(folder);
    if (latest !== text) {
      const settings = parseEnvFile(latest ?? '');
      const values = names.map((name) => [
        name,
        settings[name] || (name === 'API_TOKEN' ? '' : loaded[name]),
      ]);
      current = { ...loaded, ...Object.fromEntries(values) };
      text = latest;
    }
    return current;
  };
}

function parseEnvFile(text: string): NodeJS.Dict<string> {
  const problems = checkEnvText(text);
  if (problems.length > 0) throw PushError.of('BAD_CONFIG', problems);
  return parseEnv(text);
}

/** `readEnvFile` reads the text of the folder's `.env`; null if there is no such file. PushError('BAD_CONFIG'). */
export function readEnvFile(folder: string): string | null {
  try {
    return decode(readFileSync(join(folder, ENV_FILE)));
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null;
    const expected = 'a file that can be read';
    throw PushError.of('BAD_CONFIG', [{ field: ENV_FILE, expected, got: describeFileError(cause) }]);
  }
}

/**
 * Editors and shells of Windows write a byte order mark, or UTF-16: Node's `parseEnv` would take the mark for a part of the
 * first name, and the variable would be missing without a word.
 */
function decode(bytes: Buffer): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** `checkEnvText` reports the lines that `parseEnv` skips or reads in another way than a person would. */
function checkEnvText(text: string): Problem[] {
  return splitSettings(text).flatMap(({ line, name, isOpen, lines }) => {
    const field = `${ENV_FILE}, line ${line}`;
    if (isOpen) return [{ field, expected: `a closing quote for ${name}`, got: 'none' }];
    const [first = ''] = lines;
    if (name !== null || /^\s*(#|$)/.test(first)) return [];
    return [{ field, expected: 'NAME=value or a # comment', got: `${countCharacters(first)} of other text` }];
  });
}

interface Setting {
  /** Number of the setting's first line. */
  readonly line: number;
  readonly lines: readonly string[];
  /** Name of the variable; null for a comment, an empty line or other text. */
  readonly name: string | null;
  /** True if the value begins with a quote that no line closes. */
  readonly isOpen: boolean;
}

/** `splitSettings` splits the text into settings, comments and other lines. A quoted value may have several lines. */
function splitSettings(text: string): Setting[] {
  const lines = text.split(/\r?\n/);
  const settings: Setting[] = [];
  for (let at = 0; at < lines.length;) {
    const [, name = null, value = ''] = SETTING.exec(lines[at] ?? '') ?? [];
    const quote = /^["'`]/.exec(value)?.[0];
    let end = at + 1;
    let isOpen = false;
    if (quote !== undefined && !value.slice(1).includes(quote)) {
      const closing = lines.findIndex((line, nth) => nth > at && line.includes(quote));
      isOpen = closing < 0;
      if (!isOpen) end = closing + 1;
    }
    settings.push({ line: at + 1, lines: lines.slice(at, end), name, isOpen });
    at = end;
  }
  return settings;
}

/**
 * `replaceSettings` puts these settings into the text of a `.env`, and keeps everything else in it.
 * PushError('BAD_CONFIG').
 */
export function replaceSettings(text: string, settings: Readonly<Record<string, string>>): string {
  const rest = splitSettings(text)
    .filter(({ name }) => name === null || !(name in settings))
    .flatMap(({ lines }) => lines)
    .join('\n')
    .trimEnd();
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${quoteValue(name, value)}`);
  return `${rest === '' ? '' : `${rest}\n`}${lines.join('\n')}\n`;
}

/** `quoteValue` writes a value so that `parseEnv` reads it back unchanged. */
function quoteValue(name: string, value: string): string {
  const isSame = (text: string): boolean => {
    const line = `X=${text}\n`;
    return parseEnv(line)['X'] === value && checkEnvText(line).length === 0;
  };
  const literal = [value, `'${value}'`, `"${value}"`, `\`${value}\``].find(isSame);
  if (literal !== undefined && !/[\r\n]/.test(value)) return literal;
  throw PushError.of('BAD_CONFIG', [
    { field: name, expected: 'one line without three kinds of quotes', got: 'another text' },
  ]);
}
