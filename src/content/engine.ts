import type { Context as LiquidContext, Emitter, Liquid, Template } from 'liquidjs';
import { type Problem, messageOf } from '../errors.ts';
import { countCharacters, showName } from '../show.ts';

/*
 * Liquid within bounds. They are counted and not timed: a busy machine must not refuse the message of a device.
 */

/** Characters of one template. */
export const MAX_TEMPLATE_LENGTH = 10_000;

/** Characters and entries of lists that the rendering of one text may make in all. */
const MAX_MADE = 100_000;

/** Parts of a template that the rendering of one text may work off; each pass of a loop counts its parts again. */
const MAX_STEPS = 10_000;

/** Tags that read other templates, from files. */
const TAGS_OF_FILES = ['include', 'render', 'layout', 'block'];

/** The values of variables, by name. */
export type Scope = Readonly<Record<string, unknown>>;

/** Writes a text with the values of variables. Throws if one is missing, or if the bounds are too narrow. */
export type Write = (scope: Scope) => string;

/** Reads a template; a text without a tag and an output stays as it is. `field` is the name of the text, for errors. */
export type Compile = (text: string, field: string) => Write | string | Problem;

/** Liquid is loaded with the first template: a push without templates does not pay for it. */
let engine: Promise<Compile> | null = null;

export function openEngine(): Promise<Compile> {
  return (engine ??= loadEngine());
}

async function loadEngine(): Promise<Compile> {
  const { Liquid, Context } = await import('liquidjs');
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    // The filter `default` and conditions make a variable optional.
    lenientIf: true,
    parseLimit: MAX_TEMPLATE_LENGTH,
    timezoneOffset: 0,
    locale: 'en-US',
    templates: {},
  });
  for (const tag of TAGS_OF_FILES) delete liquid.tags[tag];
  const { renderer } = liquid;
  const renderTemplates = renderer.renderTemplates.bind(renderer);
  // A tag such as `capture` collects its text in an emitter of its own.
  renderer.renderTemplates = (templates, context, emitter = new Output(context)) =>
    renderTemplates(templates, context, emitter);

  const render = (templates: Template[], scope: Scope): string => {
    const { stackTraceLimit } = Error;
    // A missing variable is found by an error: its stack, which nobody reads, costs more than the text.
    Error.stackTraceLimit = 0;
    try {
      const context = new Context(scope, liquid.options, { sync: true }, makeLimits(liquid));
      return String(liquid.renderSync(templates, context));
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
  return (text, field) => {
    if (!/\{[{%]/.test(text)) return text;
    try {
      const templates = liquid.parse(text);
      return (scope) => render(templates, scope);
    } catch (error) {
      return { field, expected: 'a template in Liquid', got: describe(error, text) };
    }
  };
}

/** The name of the variable that an error of a rendering is about; null if it is about something else. */
export function unknownVariableOf(error: unknown): string | null {
  const { name, originalError } = Object(error) as { name?: unknown; originalError?: unknown };
  if (name !== 'UndefinedVariableError') return null;
  const { variableName } = Object(originalError) as { variableName?: unknown };
  // A part may be a value: `prices[country]`.
  return typeof variableName === 'string' ? variableName.split('.').map(showName).join('.') : null;
}

type Limits = ConstructorParameters<typeof LiquidContext>[3];

/** Counts what the rendering of one text takes. Liquid's own limit of steps is a time, which it checks at each step. */
function makeLimits(liquid: Liquid): Limits {
  let [made, steps] = [0, 0];
  const renderLimit = {
    check: () => {
      if (++steps > MAX_STEPS) throw new RangeError(`more than ${MAX_STEPS} steps`);
    },
  };
  const memoryLimit = {
    use: (count: unknown) => {
      made += Math.max(0, Number(count) || 0);
      if (made > MAX_MADE) throw new RangeError(`more than ${MAX_MADE} characters`);
    },
  };
  return { liquid, renderLimit, memoryLimit } as unknown as Limits;
}

/** Takes the text of a template, or of a part of it. */
class Output implements Emitter {
  readonly #context: LiquidContext;
  buffer = '';

  constructor(context: LiquidContext) {
    this.#context = context;
  }

  write(value: unknown): void {
    const text = textOf(value);
    this.#context.memoryLimit.use(text.length);
    this.buffer += text;
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(textOf).join('');
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new TypeError('an object is no text');
}

/** What is wrong with a template, and where. Liquid's own words may quote the text. */
function describe(error: unknown, text: string): string {
  if (text.length > MAX_TEMPLATE_LENGTH) return `${countCharacters(text)}, more than ${MAX_TEMPLATE_LENGTH}`;
  const { token } = Object(error) as { token?: { getPosition?: () => [number, number] } };
  const [line, column] = token?.getPosition?.() ?? [1, 1];
  return `${findFault(messageOf(error))} in line ${line}, column ${column}`;
}

function findFault(message: string): string {
  const [, filter] = /^undefined filter: (\w+)/.exec(message) ?? [];
  if (filter !== undefined) return `an unknown filter, ${showName(filter)},`;
  const [, tag] = /^tag "(\w+)" not found/.exec(message) ?? [];
  if (tag !== undefined) return `an unknown tag, ${showName(tag)},`;
  return / not closed\b/.test(message) ? 'a tag that is not closed' : 'another text';
}
