import { styleText } from 'node:util';
import { systemClock } from '../clock.ts';
import type { CheckResult } from '../doctor/check.ts';
import { examine } from '../doctor/examine.ts';
import { defineCommand } from './command.ts';
import { flag, JSON_OPTION, named } from './options.ts';

const NAME_WIDTH = 26;
const LINE_WIDTH = 100;

/** https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html */
const FUNCTION_NAME =
  /^(arn:aws[a-z-]*:lambda:)?([a-z0-9-]{1,32}:)?(\d{12}:)?(function:)?[\w-]{1,64}(:(\$LATEST|[\w-]{1,128}))?$/;

export const doctorCommand = defineCommand({
  description:
    'Is everything set up correctly? Prints one line for each check, and what to do about each one that fails.',
  examples: [
    ['baton doctor', 'Check the settings, the database and FCM'],
    ['baton doctor --function baton-prod --fix', 'Check the Lambda function too, and fix what can be fixed'],
  ],
  options: {
    function: named('NAME', 'the Lambda function to check: its name, alias or ARN', {
      isValid: (value) => FUNCTION_NAME.test(value),
      expected: 'the name of a Lambda function, NAME:ALIAS, or an ARN',
      fallback: null,
    }),
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
      out(failed === 0 ? '\nall is well\n' : `\n${failed} of ${report.checks.length} checks failed\n`);
    }
    return report.ok ? 0 : 1;
  },
});

/** `styleText` adds colours only if the output is a terminal that supports them. */
function describeResult({ name, ok, says, advice }: CheckResult): string {
  const mark = ok === null ? '-' : ok ? styleText('green', '✓') : styleText('red', '✗');
  const line = `${mark} ${name.padEnd(NAME_WIDTH)} ${says}`;
  if (advice === null) return `${line}\n`;
  const fits = NAME_WIDTH + says.length + advice.length < LINE_WIDTH;
  return `${line}${fits ? '' : `\n${' '.repeat(NAME_WIDTH + 2)}`} ${styleText('bold', `→ ${advice}`)}\n`;
}
