/** 4000 messages in flight at a time: a window of 3000, and the late answers of earlier hops beside it. */
export const MAX_CONNECTIONS = 40;

/** The time in which a backlog should be sent: the time that 500 messages take in the default quota. */
const DRAIN_MS = 50;

/** The weight of each new answer in the mean latency. */
const LATENCY_WEIGHT = 1 / 16;

/** Decides how many connections the messages need. */
export class Demand {
  /** The mean time to an answer. Before the first answer it makes every message count as one stream. */
  #latencyMs = DRAIN_MS;

  noteLatency(ms: number): void {
    this.#latencyMs += (ms - this.#latencyMs) * LATENCY_WEIGHT;
  }

  /**
   * Little's law: with L messages sent per ms and answers after W ms, L × W streams are open at a time. Here L is the rate
   * that sends all `messages`, waiting and in flight, within DRAIN_MS.
   */
  connectionsFor(messages: number, streamsPerConnection: number): number {
    const streams = messages * Math.min(1, this.#latencyMs / DRAIN_MS);
    return Math.min(MAX_CONNECTIONS, Math.max(1, Math.ceil(streams / streamsPerConnection)));
  }
}
