import type { Clock } from '../../context.ts';
import { connect, Connection, type ConnectionEvents, STREAMS } from './connection.ts';

/** A thousand messages on their way at a time: with answers in 100 ms, the whole default quota through one process. */
const MAX_CONNECTIONS = 10;

/** In what time a backlog is to be gone: what 500 messages, a default chunk, take of the default quota. */
const DRAIN_MS = 50;

/** Connections lost one after the other without a single answer, and there is no sense in making more. */
const MAX_FRUITLESS = 4;

/** With others at work, one that could not be made is not missed at once. */
const RECONNECT_MS = 1000;

/** The pause after ENHANCE_YOUR_CALM. */
const CALM_MS = 1000;

/** Of each new answer's time, so much goes into the mean. */
const LATENCY_WEIGHT = 1 / 16;

/** Messages that wait for streams. */
export interface Load {
  readonly waiting: number;
  /** Takes the next of them and opens its stream. */
  issue(connection: Connection, nowMs: number): void;
  /** There is no connection to be had for any of them. */
  refuse(reason: string): void;
}

/** The connections of one process, shared by all that it sends; kept warm across chunks and invocations. */
export class Pool {
  readonly #endpoint: string;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;
  #connections: Connection[] = [];
  #connecting = 0;
  #fruitless = 0;
  #mayConnectAt = 0;
  #calmTimer: NodeJS.Timeout | null = null;
  /** Until there are answers, as many connections are made as the backlog fills. */
  #latencyMs = DRAIN_MS;
  /** Each gives one message in turn, so that one that has a single message does not wait for another's hundreds. */
  readonly #loads: Load[] = [];
  #turn = 0;
  #isClosed = false;

  constructor(endpoint: string, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#events = {
      onRoom: () => this.pump(),
      onEnd: (connection) => this.#lose(connection),
      onCalm: () => this.calm(),
    };
  }

  /** Its messages are sent from the next `pump` on. */
  enlist(load: Load): void {
    if (!this.#loads.includes(load)) this.#loads.push(load);
  }

  /** What is on its way stays there; what waits does so no longer. */
  strike(load: Load): void {
    const index = this.#loads.indexOf(load);
    if (index >= 0) this.#loads.splice(index, 1);
  }

  /** Opens streams for what waits, and connections where there are too few. */
  pump(): void {
    if (this.#loads.length === 0 || this.#calmTimer || this.#isClosed) return;
    const nowMs = this.#clock.now();
    for (const connection of this.#connections) {
      while (connection.takesOne(nowMs)) {
        const load = this.#nextLoad();
        if (!load) return;
        load.issue(connection, nowMs);
      }
    }
    if (this.#nextLoad()) this.#grow(nowMs);
  }

  noteLatency(ms: number): void {
    this.#fruitless = 0;
    this.#latencyMs += (ms - this.#latencyMs) * LATENCY_WEIGHT;
  }

  /** Nothing new goes out for a while; what is on its way may be answered. */
  calm(): void {
    this.#calmTimer ??= setTimeout(() => {
      this.#calmTimer = null;
      this.pump();
    }, CALM_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#calmTimer ?? undefined);
    for (const { session } of this.#connections) {
      // After a GOAWAY, node:http2 waits for the server to hang up, even in destroy: the process need not.
      session.unref();
      session.destroy();
    }
  }

  #nextLoad(): Load | null {
    while (this.#loads.length > 0) {
      this.#turn = (this.#turn + 1) % this.#loads.length;
      const load = this.#loads[this.#turn];
      if (load && load.waiting > 0) return load;
      this.#loads.splice(this.#turn, 1);
    }
    return null;
  }

  #grow(nowMs: number): void {
    let there = this.#connecting;
    let messages = 0;
    let limit = STREAMS;
    for (const connection of this.#connections) {
      if (!connection.isUsable) continue;
      there++;
      messages += connection.open;
      limit = Math.max(1, connection.limit);
    }
    const isInVain = this.#fruitless >= MAX_FRUITLESS || nowMs < this.#mayConnectAt;
    if (there >= MAX_CONNECTIONS || (there > 0 && isInVain)) return;
    for (const { waiting } of this.#loads) messages += waiting;
    // Little's law: so many streams are open at a time if all this is to be answered in the time for a backlog.
    const streams = messages * Math.min(1, this.#latencyMs / DRAIN_MS);
    const wanted = Math.min(MAX_CONNECTIONS, Math.max(1, Math.ceil(streams / limit)));
    for (; there < wanted; there++) void this.#connect();
  }

  async #connect(): Promise<void> {
    this.#connecting++;
    const made = await connect(this.#endpoint).catch((error: unknown) => `NO_CONNECTION_${errorCode(error)}`);
    this.#connecting--;
    if (typeof made === 'string') {
      this.#mayConnectAt = this.#clock.now() + RECONNECT_MS;
      return this.#refuseIfAlone(made);
    }
    if (this.#isClosed) made.destroy();
    else this.#connections.push(new Connection(made, this.#clock, this.#events));
    this.pump();
  }

  #lose(lost: Connection): void {
    this.#connections = this.#connections.filter((each) => each !== lost);
    if (!lost.hasAnswered) this.#fruitless++;
    // Its streams come back first: they see their own end in this turn of the loop.
    setImmediate(() => {
      if (this.#fruitless >= MAX_FRUITLESS) this.#refuseIfAlone('NO_CONNECTION');
      else this.pump();
    });
  }

  #refuseIfAlone(reason: string): void {
    if (this.#connecting > 0 || this.#connections.some(({ isUsable }) => isUsable)) return this.pump();
    this.#fruitless = 0;
    for (const load of this.#loads.splice(0)) load.refuse(reason);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'FAILED';
}
