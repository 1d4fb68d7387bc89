import type { Context as LiquidContext, Emitter, Liquid, Template } from 'liquidjs';
import { type Problem, messageOf } from '../errors.ts';
import { countCharacters, showName } from '../show.ts';

/*
 * Liquid within bounds. They are counted and not timed: a busy machine must not refuse the message of a device.
 */

/** Characters of one template. */
export const MAX_TEMPLATE_LENGTH = 10_000;

/** Characters and entries of lists that the texts of one message may make in all. */
const MAX_MADE = 100_000;

/** Parts of templates that the texts of one message may work off in all; each pass of a loop counts its parts again. */
const MAX_STEPS = 10_000;

/** Tags that read other templates, from files. */
const TAGS_OF_FILES = ['include', 'render', 'layout', 'block'];

/** The values of variables, by name. */
export type Scope = Readonly<Record<string, unknown>>;

/**
 * Writes a text with the values of variables, and counts in the budget of its message what that takes. Throws if a variable is
 * missing, or if the budget is spent.
 */
export type Write = (scope: Scope, budget: Budget) => string;

/** Reads a template; a text without a tag and an output stays as it is. `field` is the name of the text, for errors. */
export type Compile = (text: string, field: string) => Write | string | Problem;

/** Counts what the texts of one message take, all together. */
export class Budget {
  #steps = 0;
  #made = 0;

  get spent(): { readonly steps: number; readonly made: number } {
    return { steps: this.#steps, made: this.#made };
  }

  takeStep(): void {
    if (++this.#steps > MAX_STEPS) throw new RangeError(`more than ${MAX_STEPS} steps`);
  }

  take(count: number): void {
    this.#made += Math.max(0, count || 0);
    if (this.#made > MAX_MADE) throw new RangeError(`more than ${MAX_MADE} characters`);
  }
}

/** Loads Liquid, which a push without templates does not pay for. Throws if this release of Liquid does not keep the bounds. */
export async function openEngine(): Promise<Compile> {
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

  const render = (templates: Template[], scope: Scope, budget: Budget): string => {
    const context = new Context(scope, liquid.options, { sync: true }, makeLimits(liquid, budget));
    return String(liquid.renderSync(templates, context));
  };
  const compile: Compile = (text, field) => {
    if (!isTemplate(text)) return text;
    try {
      const templates = liquid.parse(text);
      return (scope, budget) => render(templates, scope, budget);
    } catch (error) {
      return { field, expected: 'a template in Liquid', got: describe(error, text) };
    }
  };
  proveBounds(compile);
  return compile;
}

/** Takes five steps at least, and makes a list of 3, a captured text of 50 characters and another one of 3. */
const PROOF = `{% capture text %}{% for nth in (1..3) %}x{% endfor %}${'y'.repeat(47)}{% endcapture %}{{ text }}`;
const PROOF_TEXT = `xxx${'y'.repeat(47)}`;

/**
 * The bounds hold only if Liquid asks the limits and the emitter that it is handed, which its documentation does not promise.
 * `proveBounds` throws if a small template is not counted: another release of Liquid must not drop the bounds in silence.
 */
export function proveBounds(compile: Compile): void {
  const write = compile(PROOF, 'proof');
  const budget = new Budget();
  const text = typeof write === 'function' ? write({}, budget) : '';
  const { steps, made } = budget.spent;
  // The text counts where it is captured, and where it is printed; the list counts too.
  if (text === PROOF_TEXT && steps >= 5 && made >= 2 * PROOF_TEXT.length + 3) return;
  throw new Error(`the bounds of templates do not hold: ${steps} steps and ${made} characters counted`);
}

/** True if a text has a tag or an output of Liquid, or the beginning of one. */
export function isTemplate(text: string): boolean {
  return /\{[{%]/.test(text);
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

/** Liquid's own limit of steps is a time, which it checks at each step. proveBounds holds what the type cannot say. */
function makeLimits(liquid: Liquid, budget: Budget): Limits {
  const renderLimit = { check: () => budget.takeStep() };
  const memoryLimit = { use: (count: unknown) => budget.take(Number(count)) };
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
