import * as z from 'zod';
import { isBusEvent } from '../envelope.ts';
import type { OutsideRecord } from './record.ts';

const busId = z.guid();

/** Parses the event of an EventBridge bus; null for any other event, also one without the id that EventBridge gives each. */
export function parseBusEvent(event: unknown): OutsideRecord | null {
  if (!isBusEvent(event)) return null;
  const id = busId.safeParse(event.id);
  return id.success ? { origin: 'bus', id: id.data, detail: event.detail } : null;
}
