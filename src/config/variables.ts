import { ALERT_VARIABLES } from './variables/alerts.ts';
import { API_VARIABLES } from './variables/api.ts';
import { DATABASE_VARIABLES } from './variables/database.ts';
import { FCM_VARIABLES } from './variables/fcm.ts';
import { SENDING_VARIABLES } from './variables/sending.ts';
import { PLAIN, type Variable } from './variables/variable.ts';

/** Ten years: who keeps deliveries for longer keeps them for ever. */
export const MAX_RETENTION_DAYS = 3650;

/** All variables, in the order of the documentation. This list is the only one: the parser, the workers' environment and the documentation use it. */
export const VARIABLES = [
  ...DATABASE_VARIABLES,
  ...FCM_VARIABLES,
  ...SENDING_VARIABLES,
  ...API_VARIABLES,
  ...ALERT_VARIABLES,
  {
    ...PLAIN,
    name: 'BASE_IMAGE',
    meaning:
      'The base image of the container; the Dockerfile sets it, and [the radar](radar.md) reads its date.',
  },
  {
    ...PLAIN,
    name: 'NODE_EXTRA_CA_CERTS',
    meaning: 'The path of a PEM file with further certificate authorities; Node itself reads it.',
  },
] as const satisfies readonly Variable[];

export type VariableName = (typeof VARIABLES)[number]['name'];

/** Google's client reads more variables than the list has; all their names begin with one of these prefixes. */
const GOOGLE_PREFIXES = ['GOOGLE_', 'GCLOUD_'] as const;

/** The suffix of a variable's name that names a further source. */
const SOURCE_SUFFIX = /^_[A-Z0-9_]+$/;

/** Finds the variable of a name. A per-source name has a suffix, such as `_SHOP_B`. Null: the list has no such variable. */
export function findVariable(name: string): { variable: Variable; suffix: string } | null {
  for (const variable of VARIABLES) {
    if (name === variable.name) return { variable, suffix: '' };
    const suffix = name.startsWith(variable.name) ? name.slice(variable.name.length) : '';
    if (variable.isPerSource && SOURCE_SUFFIX.test(suffix)) return { variable, suffix };
  }
  return null;
}

/** True for a variable that the local workers get. */
export function isForWorkers(name: string): boolean {
  const variable = findVariable(name)?.variable;
  return variable?.isForWorkers ?? GOOGLE_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** The variables as a Markdown table, for the documentation. */
export function configurationTable(): string {
  const rows = VARIABLES.map(({ name, fallback, meaning, isSecret, isPerSource }: Variable) => [
    isPerSource ? `\`${name}\`, \`${name}_NAME\`` : `\`${name}\``,
    fallback === '' ? '' : `\`${fallback}\``,
    isSecret ? `${meaning} Secret.` : meaning,
  ]);
  const all = [['variable', 'default', 'meaning'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const [head = '', ...lines] = all.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [head, rule, ...lines].join('\n');
}
