import type { Context as LambdaContext } from 'aws-lambda';
import { fetchNamed, type HopReport, runHop } from './broadcast.ts';
import { systemClock } from './clock.ts';
import { type Env, parseConfig } from './config.ts';
import { announce, type Announced } from './announce.ts';
import type { AnnounceJob, BroadcastJob, Context, DoctorJob, PushJob, Services } from './context.ts';
import { openStore } from './db/open.ts';
import { type DoctorReport, examine } from './doctor/examine.ts';
import { PushError, type PushErrorCode } from './errors.ts';
import { makeSenders } from './fcm/open.ts';
import { acceptedReply, describeError, type ErrorReport, errorReply, type HttpReply } from './http.ts';
import { isHttpEvent, parseEvent } from './job.ts';
import { makeLog } from './log.ts';
import { makeInvoker } from './recurse.ts';
import { resolveSecrets } from './secrets.ts';
import { scan, type ScanReport } from './scan.ts';

export type Reply = HopReport | ScanReport | Announced | DoctorReport | HttpReply | ErrorReport;

/** What Baton uses of Lambda's own context. */
export type Invocation = Pick<
  LambdaContext,
  'awsRequestId' | 'invokedFunctionArn' | 'getRemainingTimeInMillis'
>;

/**
 * The function that Lambda calls: event -> job -> work -> reply.
 *
 * An event that can never succeed is answered, not thrown: Lambda would retry it twice. Everything else is thrown, so
 * that Lambda does retry it. The doctor opens what it looks at by itself: it is called when the services cannot be opened.
 */
export function makeHandler(
  open: () => Promise<Services>,
  doctor: (functionName: string) => Promise<DoctorReport>,
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
    try {
      const { entry, job } = parseEvent(event);
      if (job.kind === 'doctor') return await doctor(functionName);
      const ctx: Context = {
        ...(await services()),
        requestId,
        functionName,
        remainingMs: () => invocation.getRemainingTimeInMillis(),
      };
      return entry === 'http' ? await accept(ctx, job) : await run(ctx, job);
    } catch (error) {
      if (!(error instanceof PushError) || !isCallersFault(error)) throw error;
      const { log } = await services();
      log.error('event refused', { requestId, code: error.code, message: error.message });
      return isHttpEvent(event) ? errorReply(error) : describeError(error);
    }
  };
}

/** The composition root: the only place that reads the environment and builds clients. */
export async function openServices(env: Env, write: (line: string) => void): Promise<Services> {
  const config = parseConfig(await resolveSecrets(env));
  const clock = systemClock;
  const log = makeLog(clock, { stage: config.stage }, write);
  const store = await openStore(config.database, clock);
  return { config, store, senders: makeSenders(config, clock), invoker: makeInvoker(), clock, log };
}

export const handler = makeHandler(
  () => openServices(process.env, (line) => process.stdout.write(`${line}\n`)),
  (functionName) => examine({ env: process.env, functionName, fix: false, clock: systemClock }),
);

function run(ctx: Context, job: Exclude<PushJob, DoctorJob>): Promise<HopReport | ScanReport | Announced> {
  switch (job.kind) {
    case 'broadcast':
      return runHop(ctx, job);
    case 'scan':
      return scan(ctx);
    case 'announce':
      return announceAndStart(ctx, job);
  }
}

async function announceAndStart(ctx: Context, job: AnnounceJob): Promise<Announced | HopReport> {
  const made = await announce(ctx, job);
  const { announcementId, publishAt } = made;
  if (publishAt > ctx.clock.now()) return made;
  return runHop(ctx, { kind: 'broadcast', announcementId, round: 0, fromId: 0 });
}

/** Whoever asks over HTTP waits for no page: a run of its own does the work. */
async function accept(ctx: Context, job: BroadcastJob): Promise<HttpReply> {
  await fetchNamed(ctx, job);
  await ctx.invoker.invoke(ctx.functionName, job);
  return acceptedReply(job);
}

/** What no retry would mend. A hop does not throw the last one: it stops its announcement. */
const ANSWERED: readonly PushErrorCode[] = [
  'BAD_EVENT',
  'NO_SUCH_ANNOUNCEMENT',
  'NO_SUCH_SOURCE',
  'BAD_CREDENTIALS',
];

function isCallersFault({ code }: PushError): boolean {
  return ANSWERED.includes(code);
}
