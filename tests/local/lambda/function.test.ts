import { expect, test } from 'vitest';
import { type LambdaFunction, makeLambdaFunction } from '../../../src/local/lambda/function.ts';
import type { Ending, Invocation } from '../../../src/local/lambda/invocation.ts';

interface Rig {
  readonly fn: LambdaFunction;
  readonly log: string[];
}

/** A function whose handler is `work`: its pool calls it in this process. */
function makeRig(work: (fn: LambdaFunction, invocation: Invocation) => Promise<object>): Rig {
  const log: string[] = [];
  const fn = makeLambdaFunction(
    {
      functionName: 'baton',
      functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:baton',
      workers: 100,
      retryDelaysMs: [],
      onLog: (line) => log.push(line),
      deliveries: () => 1,
    },
    {
      run: async (invocation): Promise<Ending> => {
        const payload = Buffer.from(JSON.stringify(await work(fn, invocation)));
        return { kind: 'ok', payload, errorType: null, maxRssMb: 0, cpuMs: 0, logTail: '' };
      },
      busy: () => [],
      kill: () => {},
      close: async () => {},
    },
    null,
  );
  return { fn, log };
}

const request = (left: number, traceHeader?: string) => ({
  requestId: 'r',
  payload: Buffer.from(String(left)),
  functionArn: 'arn',
  clientContext: null,
  traceHeader,
});

/** Sends an event to itself with `left` reduced by one until it is 0, with the trace of its own invocation. */
async function sendNext(fn: LambdaFunction, { payload, trace }: Invocation): Promise<object> {
  const left = Number(payload.toString());
  if (left > 0) fn.enqueue(request(left - 1, trace));
  return {};
}

test('parallel chains are counted separately: each may have 16 invocations', async () => {
  const { fn, log } = makeRig(sendNext);
  fn.enqueue(request(30));
  fn.enqueue(request(9));
  await fn.idle();
  expect(fn.stats()).toMatchObject({ invocations: 26, recursionDropped: 1 });
  expect(log.join('\n')).toContain('dropped by recursive loop detection: invocation 17 of baton');
});

test('a chain is not stopped if RecursiveLoop is Allow', async () => {
  const { fn } = makeRig(sendNext);
  fn.settings.recursiveLoop = 'Allow';
  fn.enqueue(request(30));
  await fn.idle();
  expect(fn.stats()).toMatchObject({ invocations: 31, recursionDropped: 0, eventsDropped: 0 });
});

test('the 17th call of a chain of synchronous calls is refused', async () => {
  let depth = 0;
  const refusals: unknown[] = [];
  const { fn } = makeRig(async (self, { payload, trace }) => {
    depth++;
    await self
      .invoke(request(Number(payload.toString()) - 1, trace))
      .catch((error: unknown) => refusals.push(error));
    return {};
  });
  await fn.invoke(request(18));
  expect(depth).toBe(16);
  expect(refusals).toMatchObject([{ type: 'RecursiveInvocationException', status: 400 }]);
  expect(fn.stats()).toMatchObject({ invocations: 16, recursionDropped: 1 });
});
