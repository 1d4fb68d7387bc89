/** Bounds on what all clients of the API together can make the local Lambda keep. */
export interface ApiLimits {
  /** Open connections; a further one is closed at once. */
  readonly connections: number;
  /** Bytes of all payloads that are read or worked on; a further request is throttled. */
  readonly payloadBytes: number;
  /** How long a connection may take to send the head of its first request. */
  readonly headMs: number;
  /** How long a whole request may take to arrive. */
  readonly requestMs: number;
  /** How long a connection may be idle after a reply. */
  readonly idleMs: number;
  /** How often the server looks for connections that are too slow. */
  readonly checkMs: number;
}

export const API_LIMITS: ApiLimits = {
  // More than all workers of a busy rehearsal open, and far below the files that a process may open.
  connections: 5000,
  payloadBytes: 64 * 1024 * 1024,
  headMs: 15_000,
  requestMs: 60_000,
  // Longer than clients keep an idle connection, so that none is closed while a request arrives.
  idleMs: 120_000,
  checkMs: 1000,
};
