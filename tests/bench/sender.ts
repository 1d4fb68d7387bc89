import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { findH2load } from './peers/h2load.ts';
import { writeResults } from './page.ts';
import { measureLimits } from './sender-limits.ts';
import { parseSenderOptions, type SenderOptions } from './sender-options.ts';
import { measurePeers } from './sender-peers.ts';
import { judgeBaton, peerTable } from './sender-table.ts';

const print = (line: string): unknown => process.stdout.write(`${line}\n`);

/** `npm run bench -- sender`: the sender's CPU time against its limits, and then beside other ways to send to FCM. */
export async function benchSender(): Promise<void> {
  const args = process.argv.slice(3);
  const options = parseSenderOptions(args);
  const machine = describeMachine();
  const limits = options.hasLimits ? await measureLimits() : [];
  for (const line of limits) print(line);
  const results = await measurePeers(options, print);
  const judgements = results.map(judgeBaton);
  if (judgements.some(({ isFirst }) => !isFirst)) process.exitCode = 1;
  const text = [
    `\`npm run bench -- sender${args.map((arg) => ` ${arg}`).join('')}\`, ${new Date().toISOString().slice(0, 10)}.`,
    machine,
    describeRun(options),
    ...results.flatMap((result, nth) => [
      `### Answers after ${result.latencyMs} ms`,
      peerTable(result),
      judgements[nth]?.sentence ?? '',
    ]),
    ...(limits.length > 0 ? ['### CPU time against its limits', `\`\`\`\n${limits.join('\n')}\n\`\`\``] : []),
  ].join('\n\n');
  print(`\n${text}`);
  if (options.writes) await writeResults('sender', text);
}

function describeRun({ tail, rounds, seconds }: SenderOptions): string {
  const share = tail.share > 0 ? `; ${tail.share * 100}% of the answers take ${tail.ms} ms` : '';
  return (
    `Answer times are log-normal around the median${share}. Figures are medians of ${rounds} round${rounds === 1 ? '' : 's'}, ` +
    `in which the senders took turns of ${seconds} seconds or more each.`
  );
}

/** The machine, how busy it is with other things before the benchmark begins, and the version of each sender. */
function describeMachine(): string {
  const [load = 0] = loadavg();
  const [cpu] = cpus();
  const versions = ['firebase-admin', 'fcm-v1-http2', 'undici'].map((name) => `${name} ${versionOf(name)}`);
  const h2load = findH2load();
  return (
    `Machine: ${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), load average ${load.toFixed(1)} before the first round. ` +
    `Versions: Node ${process.versions.node}, ${versions.join(', ')}, ${h2load === null ? 'h2load not installed (Debian: nghttp2-client)' : `h2load ${h2load}`}.`
  );
}

function versionOf(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
