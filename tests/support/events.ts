import { readdirSync, readFileSync } from 'node:fs';

type Event = Record<string, unknown>;

const FOLDER = new URL('../fixtures/events/', import.meta.url);

/** An event as AWS documents it. */
export function fixture(name: string): Event {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Event;
}

export function allFixtures(): Event[] {
  return readdirSync(FOLDER).map((file) => fixture(file.replace(/\.json$/, '')));
}

/** One that is long enough. */
export const API_TOKEN = 'correct-horse-battery-staple';

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  /** Text goes as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that bears the token, as a function URL brings it. */
export function request({ method = 'POST', path = '/push', body, headers = {} }: Asked = {}): Event {
  const event = fixture('function-url');
  const context = event['requestContext'] as Event;
  return {
    ...event,
    rawPath: path,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_TOKEN}`, ...headers },
    requestContext: { ...context, authorizer: undefined, http: { method, path } },
    body: typeof body === 'string' || body === undefined ? body : JSON.stringify(body),
  };
}
