import type { Clock, Log, LogFields } from './context.ts';

/** One JSON object a line: time, level, event, the fixed fields, then the event's own. */
export function makeLog(clock: Clock, fixed: LogFields, write: (line: string) => void): Log {
  const line = (level: string, event: string, fields: LogFields = {}): void =>
    write(JSON.stringify({ time: new Date(clock.now()).toISOString(), level, event, ...fixed, ...fields }));
  return {
    info: (event, fields) => line('info', event, fields),
    error: (event, fields) => line('error', event, fields),
  };
}
