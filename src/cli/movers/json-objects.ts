import { refuse } from '../options.ts';
import { type JsonToken, readTokens, type Scalar } from './json-tokens.ts';

/** `JsonObject` is one object of a JSON text. The objects within it come before it, on their own. */
export interface JsonObject {
  /** Number of the line that the object begins on. */
  readonly line: number;
  /** The names under which the object is found, from the outermost on; `*` in a list. */
  readonly path: readonly string[];
  /** Single values, by name. */
  readonly values: ReadonlyMap<string, Scalar>;
  /** Lists of single values that are kept, by name. */
  readonly lists: ReadonlyMap<string, readonly Scalar[]>;
  /** Objects of single values that are kept, by name. */
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, Scalar>>;
  /** True for a piece of an object or a list that is too long to be kept, or for a list that stands alone. */
  readonly isPart: boolean;
  /** The values of a list that is a part. */
  readonly items: readonly Scalar[];
}

interface Frame {
  readonly line: number;
  readonly isList: boolean;
  /** The name whose value comes next. */
  name: string | null;
  /** What may come next. */
  next: 'name' | 'colon' | 'value' | 'comma';
  readonly values: Map<string, Scalar>;
  readonly items: Scalar[];
  /** True once a part of it has been given out. */
  hasParts: boolean;
  readonly lists: Map<string, readonly Scalar[]>;
  readonly objects: Map<string, ReadonlyMap<string, Scalar>>;
  /** True if there is an object or a list within. */
  isNested: boolean;
}

const MAX_DEPTH = 32;

/** Number of values that are kept of one object or list. A longer one comes in parts: a table of a million tokens is no device. */
const MAX_VALUES = 1000;

/**
 * `readObjects` reads every object of JSON of any size, at any depth, without holding more than one path of it in memory.
 * What is within an object is kept beside its single values if `keeps` says so of its name, and if it is flat.
 */
export async function* readObjects(
  chunks: AsyncIterable<Buffer>,
  expected: string,
  keeps: (name: string) => boolean,
): AsyncGenerator<JsonObject, undefined> {
  const frames: Frame[] = [];
  const wrong = (line: number): never => {
    throw refuse(`line ${line}`, expected, 'text that is no JSON');
  };
  let line = 1;
  for await (const tokens of readTokens(chunks, expected)) {
    for (const token of tokens) {
      ({ line } = token);
      const frame = frames.at(-1);
      if (!isNext(frame, token)) wrong(line);
      switch (token.kind) {
        case '{':
        case '[':
          if (frames.length === MAX_DEPTH)
            throw refuse(`line ${line}`, `at most ${MAX_DEPTH} levels`, 'more');
          if (frame !== undefined) frame.isNested = true;
          frames.push(makeFrame(line, token.kind === '['));
          break;
        case '}':
        case ']': {
          const ended = frames.pop() ?? wrong(line);
          const parent = frames.at(-1);
          if (!ended.isList || ended.hasParts || parent === undefined) {
            yield { ...ended, path: pathOf(frames), isPart: ended.isList || ended.hasParts };
          }
          if (parent !== undefined) endValue(parent, ended, keeps);
          break;
        }
        case ':':
          if (frame !== undefined) frame.next = 'value';
          break;
        case ',':
          if (frame !== undefined) frame.next = frame.isList ? 'value' : 'name';
          break;
        case 'value':
          if (frame === undefined) wrong(line);
          else if (frame.next === 'name') Object.assign(frame, { name: String(token.value), next: 'colon' });
          else {
            takeValue(frame, token.value);
            if (frame.values.size + frame.items.length >= MAX_VALUES) {
              frame.hasParts = true;
              yield { ...frame, path: pathOf(frames.slice(0, -1)), isPart: true };
              frame.values.clear();
              frame.items.length = 0;
            }
          }
          break;
      }
    }
  }
  if (frames.length > 0) throw refuse(`line ${line}`, expected, 'a file that ends within it');
}

function makeFrame(line: number, isList: boolean): Frame {
  return {
    line,
    isList,
    name: null,
    next: isList ? 'value' : 'name',
    values: new Map(),
    items: [],
    lists: new Map(),
    objects: new Map(),
    isNested: false,
    hasParts: false,
  };
}

/** True if the grammar of JSON has the token here. A comma before the end is let pass. */
function isNext(frame: Frame | undefined, token: JsonToken): boolean {
  if (frame === undefined) return token.kind === '{' || token.kind === '[' || token.kind === ',';
  switch (token.kind) {
    case '{':
    case '[':
      return frame.next === 'value';
    case '}':
      return !frame.isList && (frame.next === 'name' || frame.next === 'comma');
    case ']':
      return frame.isList && (frame.next === 'value' || frame.next === 'comma');
    case ':':
      return frame.next === 'colon';
    case ',':
      return frame.next === 'comma';
    case 'value':
      return frame.next === 'value' || (frame.next === 'name' && typeof token.value === 'string');
  }
}

function takeValue(frame: Frame, value: Scalar | null): void {
  frame.next = 'comma';
  if (value === null) return;
  if (frame.isList) frame.items.push(value);
  else if (frame.name !== null) frame.values.set(frame.name, value);
}

/** `endValue` keeps what has ended within a frame. */
function endValue(parent: Frame, ended: Frame, keeps: (name: string) => boolean): void {
  parent.next = 'comma';
  const { name } = parent;
  if (parent.isList || name === null || ended.isNested || ended.hasParts || !keeps(name)) return;
  if (ended.isList) parent.lists.set(name, ended.items);
  else parent.objects.set(name, ended.values);
}

function pathOf(frames: readonly Frame[]): string[] {
  return frames.map(({ isList, name }) => (isList ? '*' : (name ?? '')));
}
