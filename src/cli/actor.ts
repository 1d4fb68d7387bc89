import { userInfo } from 'node:os';
import type { Actor } from '../model/audit.ts';

/** `terminalActor` names the user of the terminal for the audit. */
export function terminalActor(): Actor {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A container may run as a user without a name.
    return `cli:${process.getuid?.() ?? 'unknown'}`;
  }
}
