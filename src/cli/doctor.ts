import { styleText } from 'node:util';
import { systemClock } from '../clock.ts';
import type { CheckResult } from '../doctor/check.ts';
import { examine } from '../doctor/examine.ts';
import type { Command } from './command.ts';

const NAME_WIDTH = 26;
const LINE_WIDTH = 100;

export const doctorCommand: Command = {
  summary: 'Is everything as it has to be? One line a check, and what to do about each that is red.',
  options: {
    function: { value: 'NAME', help: 'the Lambda function to look at: its name, alias or ARN' },
    fix: { help: 'apply missing migrations, and let the function call itself (RecursiveLoop: Allow)' },
    json: { help: 'print one JSON object and nothing else' },
  },
  readsSecrets: true,
  async run(args, { env, out }) {
    const json = args.flag('json');
    const report = await examine({
      env,
      functionName: args.text('function'),
      fix: args.flag('fix'),
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
};

/** Colours only where Node finds a terminal that wants them. */
function describeResult({ name, ok, says, advice }: CheckResult): string {
  const mark = ok === null ? '-' : ok ? styleText('green', '✓') : styleText('red', '✗');
  const line = `${mark} ${name.padEnd(NAME_WIDTH)} ${says}`;
  if (advice === null) return `${line}\n`;
  const fits = NAME_WIDTH + says.length + advice.length < LINE_WIDTH;
  return `${line}${fits ? '' : `\n${' '.repeat(NAME_WIDTH + 2)}`} ${styleText('bold', `→ ${advice}`)}\n`;
}
