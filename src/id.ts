import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const KERNEL_RANDOM = '/dev/urandom';

/**
 * Makes an id that no other process makes, not even one that was started from a copy of this one's memory: with SnapStart,
 * Lambda starts many environments from one snapshot. `crypto.randomUUID()` takes its bytes from a buffer that the copies share,
 * and the state of OpenSSL's generator is in the snapshot too. The kernel's own random numbers are not.
 * https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
 *
 * A claim, an alert, or anything else that tells two invocations apart has its id from here, and draws it while it works for
 * an event, never before.
 */
export function makeId(): string {
  const bytes = drawRandom(16);
  // The bits that say that a UUID is random. https://www.rfc-editor.org/rfc/rfc9562#section-5.4
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Draws random bytes that no copy of this process draws. Throws if the kernel gives none. */
export function drawRandom(length: number): Buffer {
  // Windows has no such file, and no snapshots.
  if (process.platform === 'win32') return randomBytes(length);
  const file = openSync(KERNEL_RANDOM, 'r');
  try {
    const bytes = Buffer.alloc(length);
    for (let drawn = 0; drawn < length;) drawn += readSync(file, bytes, drawn, length - drawn, null);
    return bytes;
  } finally {
    closeSync(file);
  }
}
