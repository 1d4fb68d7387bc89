import type { Context as LambdaContext } from 'aws-lambda';
import { announce, type AnnounceReport } from './broadcast/announce.ts';
import { type HopReport, runHop } from './broadcast/hop.ts';
import { scan, type ScanReport } from './broadcast/scan.ts';
import { makeStragglers } from './broadcast/stragglers.ts';
import { runCanary } from './canary/canary.ts';
import type { CheckReport } from './alert/record-check.ts';
import { makeHearer } from './announced.ts';
import { systemClock } from './clock.ts';
import { type Config, type Env, readConfig, type Stage } from './config/config.ts';
import { type LiveConfig, openConfig } from './config/live.ts';
import { resolveSecrets } from './config/secrets.ts';
import type { Clock, Context, Log, Services } from './context.ts';
import { openStore } from './db/open.ts';
import { type DoctorReport, examine } from './doctor/examine.ts';
import { recordReport } from './doctor/record-report.ts';
import {
  describeError,
  describeFailure,
  type ErrorReport,
  PushError,
  type PushErrorCode,
  withoutContents,
} from './errors.ts';
import { type ParsedEvent, parseEvent } from './events/parse.ts';
import { type OutsideRecord, parseRecord } from './events/record.ts';
import { makeSenders } from './fcm/open.ts';
import { answerRequest, answerUnstarted } from './http/answer.ts';
import type { HttpReply } from './http/reply.ts';
import { type AnnounceJob, firstJob, type PushJob } from './job.ts';
import { isSeries } from './model/announcement.ts';
import { makeLog, withFields } from './log.ts';
import { makeGatherer } from './messages/gather.ts';
import { type QueueReply, runQueue } from './messages/queue.ts';
import { type MessagesReport, runMessages } from './messages/run-messages.ts';
import { makeMetrics, type Metrics, noMetrics } from './metrics.ts';
import { makeInvoker } from './recurse.ts';
import { makeRenewingSenders } from './fcm/renewing-senders.ts';
import { openRenewingStore } from './db/renewing-store.ts';
import { type Heard, makeSignals, remember } from './signals.ts';

export type JobReply =
  | HopReport
  | ScanReport
  | AnnounceReport
  | DoctorReport
  | CheckReport
  | QueueReply
  | MessagesReport
  | ErrorReport;

/** The reply to any event; an event of SNS or of a bus gets one reply for each of its records. */
export type Reply = JobReply | readonly JobReply[] | HttpReply;

/** The part of Lambda's own context that Baton uses. */
export type Invocation = Pick<
  LambdaContext,
  'awsRequestId' | 'invokedFunctionArn' | 'getRemainingTimeInMillis'
>;

/** Callers' tokens are read anew after this time. */
const MAX_SECRET_AGE_MS = 300_000;

type Doctor = (functionName: string) => Promise<DoctorReport>;

/**
 * Makes the function that Lambda calls: event -> job -> work -> reply.
 *
 * An event that can never succeed is answered with its error, since Lambda would retry an error that is thrown. Every other
 * error is thrown, so that Lambda retries. The doctor opens everything that it checks by itself: it also works where the
 * services cannot be opened. An HTTP request is answered even then, because its caller would get a bare 502; `log` gets the
 * reason. `log` and `metrics` also get what the doctor has found and nobody can record.
 */
export function makeHandler(
  open: () => Promise<Services>,
  doctor: Doctor,
  log: Log = makeLog(systemClock, {}, printLine),
  metrics: Metrics = noMetrics,
) {
  let opening: Promise<Services> | null = null;
  const services = async (): Promise<Services> => {
    opening ??= open();
    try {
      return await opening;
    } catch (error) {
      opening = null;
      throw error;
    }
  };

  return async (event: unknown, invocation: Invocation): Promise<Reply> => {
    const { awsRequestId: requestId, invokedFunctionArn: functionName } = invocation;
    const contextOf = (warm: Services, config: Config): Context => ({
      ...warm,
      config,
      log: withFields(warm.log, { requestId }),
      requestId,
      functionName,
      actor: 'event',
      remainingMs: () => invocation.getRemainingTimeInMillis(),
    });
    try {
      const parsed = parseEvent(event);
      if (parsed.entry === 'direct' && parsed.job.kind === 'doctor') {
        const openContext = async (): Promise<Context> => {
          const warm = await services();
          return contextOf(warm, warm.config);
        };
        const ports = { log: withFields(log, { requestId }), metrics };
        return await recordReport(ports, openContext, parsed.job, await doctor(functionName));
      }
      let warm: Services;
      try {
        warm = await services();
      } catch (error) {
        if (parsed.entry !== 'http') throw error;
        return answerUnstarted({ log, requestId }, parsed.request, error);
      }
      // A revoked token of the API stops working within five minutes.
      const config = (parsed.entry === 'http' ? await warm.fetchConfig?.() : null) ?? warm.config;
      const ctx = contextOf(warm, config);
      try {
        return await answer(ctx, parsed, doctor);
      } finally {
        await warm.stragglers.flush();
        await warm.signals.flush();
      }
    } catch (error) {
      // Lambda logs what is thrown.
      if (!isAnswered(error)) throw withoutContents(error);
      return refuse(await services(), requestId, error);
    }
  };
}

/** Builds every client from the environment: the composition root. PushError('BAD_CONFIG'), ('DATABASE'). */
export async function openServices(
  env: Env,
  write: (line: string) => void,
  clock: Clock = systemClock,
  opening?: Promise<LiveConfig>,
): Promise<Services> {
  const heard: Heard = new Map();
  const hearSecrets = makeHearer({ note: (signal) => remember(heard, signal) }, 'secrets-manager');
  const live = await (opening ?? openConfig(env, clock, (each) => resolveSecrets(each, hearSecrets)));
  const { config } = live;
  const log = makeLog(clock, { stage: config.stage }, write);
  const metrics = metricsOf(env, config.stage, write, clock);
  const store = await openRenewingStore(live, ({ database }) => openStore(database, clock));
  const signals = makeSignals({ heard, store, clock, log });
  const senders = makeRenewingSenders(live, clock, (latest) => makeSenders(latest, clock, signals));
  const fetchConfig = (): Promise<Config> =>
    live.fetch(MAX_SECRET_AGE_MS).catch((error: unknown) => {
      log.error('secrets not read', { why: describeFailure(error) });
      return live.config;
    });
  const [invoker, gatherer] = [makeInvoker(signals), makeGatherer()];
  const stragglers = makeStragglers({ store, clock, log, metrics });
  const clients = { store, senders, invoker, gatherer, stragglers, signals };
  return { config, fetchConfig, ...clients, clock, log, metrics };
}

/** The metrics of a function. CloudWatch makes them of its log; at a terminal there are none. */
function metricsOf(env: Env, stage: Stage, write: (line: string) => void, clock: Clock): Metrics {
  const service = env['AWS_LAMBDA_FUNCTION_NAME'];
  return service === undefined ? noMetrics : makeMetrics(clock, { service, stage }, write);
}

const { stage: ownStage } = readConfig({ STAGE: process.env['STAGE'] }).config;

export const handler = makeHandler(
  () => openServices(process.env, printLine),
  (functionName) => examine({ env: process.env, functionName, fix: false, clock: systemClock }),
  makeLog(systemClock, { stage: ownStage }, printLine),
  metricsOf(process.env, ownStage, printLine, systemClock),
);

async function answer(ctx: Context, parsed: ParsedEvent, doctor: Doctor): Promise<Reply> {
  switch (parsed.entry) {
    case 'http':
      return answerRequest(ctx, parsed.request);
    case 'direct':
      return work(ctx, parsed.job, doctor);
    case 'records':
      return answerRecords(ctx, parsed.records, doctor);
  }
}

/**
 * Answers each record by itself; one that fails does not keep the others from being worked on. Then the invocation fails, and
 * Lambda repeats the whole event: what has been done is not done twice, because the keys of messages and announcements are
 * made of the records' ids, and hops are claimed.
 */
async function answerRecords(
  ctx: Context,
  records: readonly OutsideRecord[],
  doctor: Doctor,
): Promise<JobReply[]> {
  const replies: JobReply[] = [];
  for (const record of records) {
    try {
      replies.push(await answerRecord(ctx, record, doctor));
    } catch (error) {
      ctx.log.error('record failed', { recordId: record.id, why: describeFailure(error) });
    }
  }
  const failed = records.length - replies.length;
  if (failed === 0) return replies;
  const got = `${failed} of ${records.length} that failed; the log says why`;
  throw PushError.of('RECORDS_FAILED', [{ field: 'records', expected: 'an answer to each', got }]);
}

/** A record may be delivered twice, in two invocations: its own id is the id of the request. */
async function answerRecord(ctx: Context, record: OutsideRecord, doctor: Doctor): Promise<JobReply> {
  try {
    const job = parseRecord(record, ctx.config.records.mayStart);
    return await work({ ...ctx, requestId: record.id }, job, doctor);
  } catch (error) {
    if (!isAnswered(error)) throw error;
    return refuse(ctx, record.id, error);
  }
}

/** The radar is needed once a day: it is loaded when it is. */
async function work(ctx: Context, job: PushJob, doctor: Doctor): Promise<JobReply> {
  switch (job.kind) {
    case 'broadcast':
      return runHop(ctx, job);
    case 'scan':
      return scan({ ...ctx, actor: 'schedule' });
    case 'announce':
      return announceAndStart(ctx, job);
    case 'doctor':
      return recordReport(ctx, async () => ctx, job, await doctor(ctx.functionName));
    case 'radar':
      return (await import('./radar/radar.ts')).runRadar(ctx, job);
    case 'canary':
      return runCanary(ctx, job);
    case 'queue':
      return runQueue(ctx, job);
    case 'messages':
      return runMessages(ctx, job);
  }
}

async function announceAndStart(ctx: Context, job: AnnounceJob): Promise<AnnounceReport | HopReport> {
  const report = await announce(ctx, job).catch(refuseInput);
  if (report.publishAt > ctx.clock.now() || isSeries(job.announcement)) return report;
  return runHop(ctx, firstJob(report.announcementId));
}

/** Input that only the database or the plan of an announcement shows to be wrong makes a bad event: no retry would fix it. */
function refuseInput(error: unknown): never {
  if (error instanceof PushError && error.code === 'BAD_INPUT')
    throw PushError.of('BAD_EVENT', error.problems);
  throw error;
}

/** Errors that no retry would fix. A hop throws neither of the sources' two: its announcement fails instead. */
const ANSWERED: readonly PushErrorCode[] = [
  'BAD_EVENT',
  'BAD_INPUT',
  'FORBIDDEN',
  'NO_SUCH_ANNOUNCEMENT',
  'KEY_REUSED',
  'NO_SUCH_SOURCE',
  'BAD_CREDENTIALS',
];

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

function isAnswered(error: unknown): error is PushError {
  return error instanceof PushError && ANSWERED.includes(error.code);
}

function refuse({ log }: Pick<Context, 'log'>, requestId: string, error: PushError): ErrorReport {
  log.error('event refused', { requestId, code: error.code, message: error.message });
  return describeError(error);
}
