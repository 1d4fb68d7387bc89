import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Signals } from './context.ts';
import { ANNOUNCING_HEADERS, type NewSignal, type Service } from './model/signal.ts';

/*
 * Headers by which a service announces in its answers that something is about to end: Deprecation (RFC 9745), Sunset
 * (RFC 8594), Warning (RFC 7234), and Link with the relations of these RFCs.
 */

/** The headers of an answer, by their names in small letters. */
export type AnswerHeaders = Readonly<Record<string, unknown>>;

export type OnAnswer = (headers: AnswerHeaders) => void;

/** The relations of a Link that announce something; links to other pages are frequent, and say nothing. */
const ANNOUNCING_LINK = /\brel\s*=\s*"?[^",;]{0,100}\b(?:deprecation|sunset|successor-version)\b/i;

/** More of a header is not read. */
const MAX_READ_LENGTH = 2000;

/** True if an answer may announce something: a few lookups for each of millions of answers. */
export function mayAnnounce(headers: AnswerHeaders): boolean {
  return (
    headers['deprecation'] !== undefined ||
    headers['sunset'] !== undefined ||
    headers['warning'] !== undefined ||
    headers['link'] !== undefined
  );
}

/** Makes a function that notes what the answers of a service to a source announce. */
export function makeHearer(signals: Pick<Signals, 'note'>, service: Service, source = ''): OnAnswer {
  return (headers) => {
    if (!mayAnnounce(headers)) return;
    for (const header of ANNOUNCING_HEADERS) {
      const value = textOf(headers[header]);
      if (value === null || (header === 'link' && !ANNOUNCING_LINK.test(value))) continue;
      const signal: NewSignal = { kind: 'header', source, name: `${service}:${header}`, value };
      signals.note(signal);
    }
  };
}

function textOf(value: unknown): string | null {
  const text: unknown = Array.isArray(value) ? value.join(', ') : value;
  return typeof text === 'string' && text !== '' ? text.slice(0, MAX_READ_LENGTH) : null;
}

const listeners = new AsyncLocalStorage<OnAnswer>();

/**
 * Clients that hide their answers still receive them through Node's own HTTP client, which reports each one. Outside of
 * `hearAnswers` the report is dropped.
 */
subscribe('http.client.response.finish', (message) => {
  const onAnswer = listeners.getStore();
  if (onAnswer !== undefined && hasAnswer(message)) onAnswer(message.response.headers);
});

/**
 * `hearAnswers` runs `work` and gives `onAnswer` the headers of each HTTP/1 answer to what `work` asks: the answers that the
 * libraries of Google and AWS do not hand out, those of a retry and of an error too.
 */
export function hearAnswers<T>(onAnswer: OnAnswer | undefined, work: () => Promise<T>): Promise<T> {
  return onAnswer === undefined ? work() : listeners.run(onAnswer, work);
}

function hasAnswer(message: unknown): message is { readonly response: { readonly headers: AnswerHeaders } } {
  if (typeof message !== 'object' || message === null || !('response' in message)) return false;
  const { response } = message;
  return (
    typeof response === 'object' &&
    response !== null &&
    'headers' in response &&
    typeof response.headers === 'object' &&
    response.headers !== null
  );
}
