import { systemClock } from '../clock.ts';
import { defaultPace, type Env, type PaceConfig, readConfig } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import type { DeviceName } from '../model/device.ts';
import { describeDevices, devicesToJson } from '../report/explain/device-text.ts';
import { explainDevices } from '../report/explain/device.ts';
import { describeExplanation, explainAnnouncement, explanationToJson } from '../report/explain/explain.ts';
import type { FunctionState } from '../report/explain/facts.ts';
import { describeOperands, parseAnnouncementId } from './announcement-id.ts';
import { describeChecksFor, fetchChecksNow, noticesToJson } from '../report/notices.ts';
import { defineCommand } from './command.ts';
import { functionOption } from './function-option.ts';
import { JSON_OPTION, refuse } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

const ID = /^[1-9]\d{0,14}$/;
const MEMBER = 'member:';

export const explainCommand = defineCommand({
  description:
    'Explain an announcement: its state, what holds it up or has held it up, and what to do; a timeline, where the time ' +
    'went, and whether all numbers agree. Or explain a device: what it was sent, with what result, and why not.',
  examples: [
    ['baton explain 42', 'Why announcement 42 is slow, has stopped or has failed'],
    ['baton explain 42 --function baton-prod', 'The same, with the settings of the function as AWS has them'],
    ['baton explain device member:4711', 'What the devices of member 4711 were sent'],
  ],
  operands: {
    usage: '[announcement] ID | device TOKEN|ID|member:ID',
    help: 'one announcement, or one device by its token, its id or its member',
  },
  options: {
    function: functionOption('ask AWS for the settings of this Lambda function that stop a broadcast'),
    json: JSON_OPTION,
  },
  async run({ options: { function: functionName, json }, operands }, terminal) {
    const [what = '', ...rest] = operands;
    if (what === 'device') {
      const name = parseDeviceName(rest);
      if (functionName !== null) throw refuse('--function', 'an announcement beside it', 'a device');
      await printDevices(name, json, terminal);
    } else {
      const announcementId = parseAnnouncementId(what === 'announcement' ? rest : operands);
      await printAnnouncement(announcementId, functionName, json, terminal);
    }
    return 0;
  },
});

async function printAnnouncement(
  announcementId: number,
  functionName: string | null,
  json: boolean,
  { env, out, err }: Terminal,
): Promise<void> {
  const lambda = functionName === null ? null : await askLambda(functionName, err);
  const paceOf = makePaceOf(env);
  const optionsOf = (source: string) => ({ pace: paceOf(source), lambda });
  const { explanation, checks } = await withStore(env, async (store) => {
    const ports = { store, clock: systemClock };
    return {
      explanation: await explainAnnouncement(ports, announcementId, optionsOf),
      checks: await fetchChecksNow(ports),
    };
  });
  if (json) {
    const shown = { ...explanationToJson(explanation), notices: noticesToJson(checks.notices) };
    out(`${JSON.stringify(shown)}\n`);
    return;
  }
  out(describeExplanation(explanation));
  const lines = describeChecksFor(explanation.facts.announcement, checks);
  if (lines.length > 0) out(['', 'checks', ...lines.map((line) => `  ${line}`), ''].join('\n'));
}

async function printDevices(name: DeviceName, json: boolean, { env, out }: Terminal): Promise<void> {
  const explanations = await withStore(env, (store) => explainDevices({ store }, name));
  out(json ? `${JSON.stringify(devicesToJson(explanations))}\n` : describeDevices(explanations));
}

/** Without AWS's answer, the database alone has to say it. */
async function askLambda(functionName: string, err: Terminal['err']): Promise<FunctionState | null> {
  const { fetchFunctionState } = await import('../doctor/lambda-state.ts');
  try {
    return await fetchFunctionState(functionName);
  } catch (error) {
    err(`AWS was asked about the function without success: ${messageOf(error)}\n`);
    return null;
  }
}

/** The pace of a source as this terminal's settings have it; a source that they do not have gets the defaults. */
function makePaceOf(env: Env): (source: string) => PaceConfig {
  const { sources } = readConfig(env).config;
  return (source) => sources.get(source)?.pace ?? defaultPace();
}

/** A target is never shown, also not in an error. */
function parseDeviceName(operands: readonly string[]): DeviceName {
  const [text = ''] = operands;
  if (operands.length !== 1 || text === '' || text === MEMBER) {
    throw refuse('DEVICE', "a token, a device's id or member:ID", describeOperands(operands));
  }
  if (text.startsWith(MEMBER)) return { kind: 'member', memberId: text.slice(MEMBER.length) };
  return ID.test(text) ? { kind: 'id', deviceId: Number(text) } : { kind: 'target', target: text };
}
