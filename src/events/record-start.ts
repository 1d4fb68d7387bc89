import { PushError } from '../errors.ts';
import type { PushJob, RecordStart } from '../job.ts';

/**
 * Refuses a job that a record of a topic may not start: PushError('FORBIDDEN'). Whoever may publish to a topic is often not
 * trusted to push to every device.
 */
export function checkStart(job: PushJob, mayStart: readonly RecordStart[]): void {
  const start = startOf(job);
  if (start === null || mayStart.includes(start)) return;
  const expected = mayStart.length === 0 ? 'no job, or RECORDS_MAY_START to name it' : mayStart.join(' or ');
  throw PushError.of('FORBIDDEN', [{ field: 'Sns.Message', expected, got: start }]);
}

function startOf(job: PushJob): RecordStart | null {
  switch (job.kind) {
    case 'broadcast':
    case 'announce':
      return 'announcements';
    case 'scan':
      return 'scan';
    case 'doctor':
      return 'doctor';
    case 'queue':
      return null;
  }
}
