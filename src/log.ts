import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger';
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types';
import type { Clock, Log, LogFields } from './context.ts';
import { cutText } from './errors.ts';

/** CloudWatch takes 256 KB an event; the longest field that a person reads is a stack. */
const MAX_FIELD_LENGTH = 8000;

/** A text that is longer is cut: an error may quote what a caller sent, and a line that is too long is not stored. */
const MAX_TEXT_LENGTH = 4000;

/** Makes a log of JSON objects, one a line: time, level, event, the fixed fields, then the event's own. */
export function makeLog(clock: Clock, fixed: LogFields, write: (line: string) => void): Log {
  class LineFormatter extends LogFormatter {
    override formatAttributes(
      { logLevel, message }: UnformattedAttributes,
      attributes: LogAttributes,
    ): LogItem {
      const { fields, ...persistent } = attributes as { readonly fields?: LogFields };
      const time = new Date(clock.now()).toISOString();
      const line = {
        time,
        level: logLevel.toLowerCase(),
        event: message,
        ...persistent,
        ...cutFields(fields),
      };
      return new LogItem({ attributes: line });
    }
  }
  /** The library writes to the console alone, and drops fields that are null. */
  class LineLogger extends Logger {
    protected override printLog(_level: number, item: LogItem): void {
      write(JSON.stringify(item.getAttributes()));
    }
  }
  const logger = new LineLogger({ logFormatter: new LineFormatter(), persistentKeys: { ...fixed } });
  // The fields are one attribute: as attributes of their own, `message` and `service` are reserved names and dropped.
  return {
    info: (event, fields) => logger.info(event, { fields: cutTexts(fields) }),
    error: (event, fields) => logger.error(event, { fields: cutTexts(fields) }),
  };
}

function cutFields(fields: LogFields = {}): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? cutText(value, MAX_FIELD_LENGTH) : value,
    ]),
  );
}

/** A log whose lines all have these fields too, such as the request id of an invocation. */
export function withFields(log: Log, fixed: LogFields): Log {
  return {
    info: (event, fields) => log.info(event, { ...fixed, ...fields }),
    error: (event, fields) => log.error(event, { ...fixed, ...fields }),
  };
}

function cutTexts(fields: LogFields | undefined): LogFields | undefined {
  if (fields === undefined || !Object.values(fields).some(isLong)) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      isLong(value) ? `${value.slice(0, MAX_TEXT_LENGTH)}…` : value,
    ]),
  );
}

function isLong(value: unknown): value is string {
  return typeof value === 'string' && value.length > MAX_TEXT_LENGTH;
}
