import { createHash, randomBytes } from 'node:crypto';

/**
 * Number of invocations in one chain after which Lambda stops the next: "approximately 16 times in the same chain of requests",
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
export const MAX_CHAIN = 16;

export interface Trace {
  /** Value of _X_AMZN_TRACE_ID for the function; the SDK sends it with every invoke of the function. */
  readonly header: string;
  /** 1 for the first invocation of this function in the chain that the request belongs to. */
  readonly nth: number;
}

/** `lineageKey` is the hash that names a function in the lineage. AWS does not document its format; this is one observed. */
export function lineageKey(functionArn: string): string {
  return createHash('sha256').update(functionArn).digest('hex').slice(0, 8);
}

/** `continueTrace` makes the trace of an invocation from its X-Amzn-Trace-Id; a header without a lineage begins a chain. */
export function continueTrace(header: string | undefined, key: string): Trace {
  const fields = new Map(
    (header ?? '').split(';').map((field): [string, string] => {
      const [name = '', ...value] = field.split('=');
      return [name.trim(), value.join('=').trim()];
    }),
  );
  const counts = new Map<string, number>();
  for (const each of (fields.get('Lineage') ?? '').split('|')) {
    const match = /^([0-9a-f]{8}):(\d{1,9})$/.exec(each);
    if (match?.[1] !== undefined) counts.set(match[1], Number(match[2]));
  }
  const nth = (counts.get(key) ?? 0) + 1;
  counts.set(key, nth);
  const root = fields.get('Root') || newRoot();
  const lineage = Array.from(counts, ([each, count]) => `${each}:${count}`).join('|');
  return { header: `Root=${root};Parent=${hex(8)};Sampled=0;Lineage=${lineage}`, nth };
}

function newRoot(): string {
  const seconds = Math.floor(Date.now() / 1000);
  return `1-${seconds.toString(16)}-${hex(12)}`;
}

function hex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
