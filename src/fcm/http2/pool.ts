import type { ClientHttp2Session } from 'node:http2';
import type { Clock } from '../../context.ts';
import { codeOf } from '../../errors.ts';
import { Connection, type ConnectionEvents, FCM_STREAMS } from './connection.ts';
import { Demand, MAX_CONNECTIONS } from './demand.ts';
import { type Load, RoundRobin } from './round-robin.ts';
import { connect } from './session.ts';

/** After this many connections in a row were lost without a single answer, the pool opens no more beside the usable ones. */
const MAX_FAILED_CONNECTIONS = 4;

/** The wait after a failed connect, unless there is no other connection. */
const RECONNECT_MS = 1000;

/** The pause after ENHANCE_YOUR_CALM. */
const CALM_MS = 1000;

/** The connections of one process, shared by all its batches; kept warm across batches and invocations. */
export class Pool {
  readonly #endpoint: string;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;
  readonly #demand = new Demand();
  readonly #loads = new RoundRobin();
  readonly #closing = new AbortController();
  #connections: Connection[] = [];
  #connecting = 0;
  #failedConnections = 0;
  #mayConnectAt = 0;
  #isPaused = false;

  constructor(endpoint: string, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#events = {
      onRoom: () => this.pump(),
      onEnd: (connection) => this.#lose(connection),
      onCalm: () => this.pause(),
    };
  }

  /** Queues a load: the next `pump` sends its messages. */
  add(load: Load): void {
    this.#loads.add(load);
  }

  /** Takes a load out of the queue. Its messages in flight stay in flight. */
  remove(load: Load): void {
    this.#loads.remove(load);
  }

  /** Opens streams for the messages that wait, and connections if there are too few. */
  pump(): void {
    if (this.#loads.isEmpty || this.#isPaused || this.#closing.signal.aborted) return;
    const nowMs = this.#clock.now();
    for (const connection of this.#connections) {
      while (connection.canOpen(nowMs)) {
        const load = this.#loads.next();
        if (!load) return;
        load.issue(connection, nowMs);
      }
    }
    if (this.#loads.waiting > 0) this.#grow(nowMs);
  }

  noteLatency(ms: number): void {
    this.#failedConnections = 0;
    this.#demand.noteLatency(ms);
  }

  /** Sends nothing new for CALM_MS; messages in flight may still be answered. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    const resume = (): void => {
      this.#isPaused = false;
      this.pump();
    };
    // `close` ends the sleep with an error; there is nothing to resume then.
    this.#clock.sleep(CALM_MS, this.#closing.signal).then(resume, () => {});
  }

  close(): void {
    this.#closing.abort();
    for (const { session } of this.#connections) {
      // After a GOAWAY, node:http2 waits for the server to close the socket, even in destroy. The process must not wait.
      session.unref();
      session.destroy();
    }
  }

  #grow(nowMs: number): void {
    let connections = this.#connecting;
    let messages = this.#loads.waiting;
    let limit = FCM_STREAMS;
    for (const connection of this.#connections) {
      if (!connection.isUsable) continue;
      connections++;
      messages += connection.open;
      limit = Math.max(1, connection.limit);
    }
    const mayConnect = this.#failedConnections < MAX_FAILED_CONNECTIONS && nowMs >= this.#mayConnectAt;
    if (connections >= MAX_CONNECTIONS || (connections > 0 && !mayConnect)) return;
    const target = this.#demand.connectionsFor(messages, limit);
    for (; connections < target; connections++) void this.#connect();
  }

  async #connect(): Promise<void> {
    this.#connecting++;
    let session: ClientHttp2Session;
    try {
      session = await connect(this.#endpoint, this.#clock).finally(() => this.#connecting--);
    } catch (error) {
      this.#mayConnectAt = this.#clock.now() + RECONNECT_MS;
      return this.#refuseIfAlone(`NO_CONNECTION_${codeOf(error) ?? 'FAILED'}`);
    }
    if (this.#closing.signal.aborted) session.destroy();
    else this.#connections.push(new Connection(session, this.#clock, this.#events));
    this.pump();
  }

  #lose(lost: Connection): void {
    this.#connections = this.#connections.filter((each) => each !== lost);
    if (!lost.hasAnswered) this.#failedConnections++;
    // The lost streams report their own end in this turn of the event loop: what they give back must be here first.
    setImmediate(() => {
      if (this.#failedConnections >= MAX_FAILED_CONNECTIONS) this.#refuseIfAlone('NO_CONNECTION');
      else this.pump();
    });
  }

  /** Refuses all loads, unless another connection is open or being opened. */
  #refuseIfAlone(reason: string): void {
    if (this.#connecting > 0 || this.#connections.some(({ isUsable }) => isUsable)) return this.pump();
    this.#failedConnections = 0;
    for (const load of this.#loads.clear()) load.refuse(reason);
  }
}
