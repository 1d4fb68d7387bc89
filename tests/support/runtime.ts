import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RuntimeTask, startRuntimeApi } from '../../src/local/lambda/runtime-api.ts';

const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:123456789012:function:baton';
const TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Lambda for one container: the Runtime API that it polls, and the Invoke API that it calls for the next hop. */
export interface Runtime {
  readonly runtimeApi: string;
  readonly endpoint: string;
  send(event: unknown): void;
  /** The replies of the function to all events, once none is left. */
  replies(): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

export async function startRuntime(): Promise<Runtime> {
  const waiting: Buffer[] = [];
  const answers: unknown[] = [];
  let accepted = 0;
  let deliver: ((task: RuntimeTask) => void) | null = null;

  const handOut = (): void => {
    const payload = deliver && waiting.shift();
    if (!deliver || !payload) return;
    const to = deliver;
    deliver = null;
    to({
      payload,
      headers: {
        'Lambda-Runtime-Aws-Request-Id': `request-${answers.length}`,
        'Lambda-Runtime-Deadline-Ms': String(Date.now() + TIMEOUT_MS),
        'Lambda-Runtime-Invoked-Function-Arn': FUNCTION_ARN,
        'Lambda-Runtime-Trace-Id': 'Root=1-0-0;Sampled=0',
      },
    });
  };
  const accept = (payload: Buffer): void => {
    accepted++;
    waiting.push(payload);
    handOut();
  };
  const api = await startRuntimeApi({
    next(to) {
      deliver = to;
      handOut();
    },
    answer(_requestId, _kind, body) {
      answers.push(JSON.parse(body.toString()) as unknown);
      return true;
    },
    initError(body) {
      answers.push(JSON.parse(body.toString()) as unknown);
    },
  });
  const lambda = createServer((request, response) => {
    void text(request).then((body) => {
      accept(Buffer.from(body));
      response.writeHead(202).end();
    });
  });
  lambda.listen(0, '127.0.0.1');
  await once(lambda, 'listening');

  return {
    runtimeApi: api.address,
    endpoint: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
    send: (event) => accept(Buffer.from(JSON.stringify(event))),
    async replies() {
      for (const startedAt = performance.now(); answers.length < accepted; await sleep(POLL_MS)) {
        if (performance.now() - startedAt > TIMEOUT_MS)
          throw new Error(`expected ${accepted} replies, got ${JSON.stringify(answers)}`);
      }
      return answers;
    },
    async close() {
      api.close();
      lambda.close();
      lambda.closeAllConnections();
      await once(lambda, 'close');
    },
  };
}
