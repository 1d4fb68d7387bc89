import { styleText } from 'node:util';
import { systemClock } from '../clock.ts';
import type { CheckResult } from '../doctor/check.ts';
import { examine } from '../doctor/examine.ts';
import { countOf } from '../words.ts';
import { defineCommand } from './command.ts';
import { functionOption } from './function-option.ts';
import { flag, JSON_OPTION } from './options.ts';

const NAME_WIDTH = 26;
const LINE_WIDTH = 100;

export const doctorCommand = defineCommand({
  description:
    'Is everything set up correctly? Prints one line for each check, and what to do about each one that fails.',
  examples: [
    ['baton doctor', 'Check the settings, the database and FCM'],
    ['baton doctor --function baton-prod --fix', 'Check the Lambda function too, and fix what can be fixed'],
  ],
  options: {
    function: functionOption('the Lambda function to check: its name, alias or ARN'),
    fix: flag('apply missing migrations, and let the function call itself (RecursiveLoop: Allow)'),
    json: JSON_OPTION,
  },
  readsSecrets: true,
  async run({ options: { function: functionName, fix, json } }, { env, out }) {
    const report = await examine({
      env,
      functionName,
      fix,
      clock: systemClock,
      onResult: (result) => {
        if (!json) out(describeResult(result));
      },
    });
    if (json) {
      out(`${JSON.stringify(report)}\n`);
    } else {
      const failed = report.checks.filter(({ ok }) => ok === false).length;
      const warnings = report.checks.filter(({ level }) => level === 'amber').length;
      out(failed === 0 ? '\nall is well' : `\n${failed} of ${report.checks.length} checks failed`);
      out(warnings === 0 ? '\n' : `; ${countOf(warnings, 'warning')}\n`);
    }
    return report.ok ? 0 : 1;
  },
});

/** `styleText` adds colours only if the output is a terminal that supports them. */
function describeResult({ name, ok, level, says: found, advice }: CheckResult): string {
  const mark =
    level === 'amber'
      ? styleText('yellow', '!')
      : ok === null
        ? '-'
        : ok
          ? styleText('green', '✓')
          : styleText('red', '✗');
  const says = level === 'amber' ? `warn: ${found}` : found;
  const line = `${mark} ${name.padEnd(NAME_WIDTH)} ${says}`;
  if (advice === null) return `${line}\n`;
  const fits = NAME_WIDTH + says.length + advice.length < LINE_WIDTH;
  return `${line}${fits ? '' : `\n${' '.repeat(NAME_WIDTH + 2)}`} ${styleText('bold', `→ ${advice}`)}\n`;
}
