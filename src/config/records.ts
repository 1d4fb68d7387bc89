import { RECORD_STARTS, type RecordStart } from '../job.ts';
import type { Reader } from './env-reader.ts';

/** What the records of a topic and the events of a bus may do besides sending messages. */
export interface RecordsConfig {
  readonly mayStart: readonly RecordStart[];
}

export function readRecords(read: Reader): RecordsConfig {
  const names = read
    .text('RECORDS_MAY_START')
    .split(/[\s,]+/)
    .filter((name) => name !== '');
  const mayStart = names.flatMap((name) => RECORD_STARTS.filter((start) => start === name));
  if (mayStart.length < names.length) {
    read.complain('RECORDS_MAY_START', `a list of ${RECORD_STARTS.join(', ')}`, 'other words');
  }
  return { mayStart };
}
