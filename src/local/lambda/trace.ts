import { createHash, randomBytes } from 'node:crypto';

/**
 * "Approximately 16 times in the same chain of requests" (docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html):
 * the next one is stopped.
 */
export const MAX_CHAIN = 16;

export interface Trace {
  /** What the function finds in _X_AMZN_TRACE_ID; the SDK sends it on with whatever the function invokes. */
  readonly header: string;
  /** 1 for the first invocation of this function in the chain that the request belongs to. */
  readonly nth: number;
}

/** The lineage names functions by a hash. AWS's format is no contract; this is the one it was first seen with. */
export function lineageKey(functionArn: string): string {
  return createHash('sha256').update(functionArn).digest('hex').slice(0, 8);
}

/** The trace of an invocation that was asked for with X-Amzn-Trace-Id `header`; without a lineage a chain begins. */
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
