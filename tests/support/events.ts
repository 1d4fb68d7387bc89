import { readdirSync, readFileSync } from 'node:fs';
import { PushError } from '../../src/errors.ts';

type Event = Record<string, unknown>;

const FOLDER = new URL('../fixtures/events/', import.meta.url);

/** The named file of tests/fixtures/events: an event as AWS documents it. */
export function fixture(name: string): Event {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Event;
}

export function allFixtures(): Event[] {
  return readdirSync(FOLDER).map((file) => fixture(file.replace(/\.json$/, '')));
}

/** A token of the HTTP API, long enough to be accepted by the configuration. */
export const API_TOKEN = 'correct-horse-battery-staple';

export interface TestRequest {
  readonly method?: string;
  /** The path, with a query string where one is needed. */
  readonly path?: string;
  /** A string is sent unchanged, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request with the token, as a function URL sends it. */
export function makeRequest({
  method = 'POST',
  path = '/push',
  body,
  headers = {},
}: TestRequest = {}): Event {
  const event = fixture('function-url');
  const context = event['requestContext'] as Event;
  const [rawPath = '', rawQueryString = ''] = path.split('?');
  return {
    ...event,
    rawPath,
    rawQueryString,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_TOKEN}`, ...headers },
    requestContext: { ...context, authorizer: undefined, http: { method, path: rawPath } },
    body: typeof body === 'string' || body === undefined ? body : JSON.stringify(body),
  };
}

/** The error that `work` throws. */
export function refusal(work: () => unknown): PushError {
  try {
    work();
  } catch (error) {
    if (error instanceof PushError) return error;
  }
  throw new Error('expected a PushError, got none');
}
