import * as z from 'zod';
import type { Config, SourceConfig } from '../config/config.ts';
import { findSource } from '../config/sources.ts';
import type { Clock } from '../context.ts';
import { fetchAccessToken, openCredentials } from '../fcm/credentials.ts';
import { addUp, type DeliveryDay } from '../model/delivery-data.ts';

const TIMEOUT_MS = 10_000;
/** FCM has up to 100 labels a day, and a week. */
const PAGE_SIZE = 1000;
const MAX_PAGES = 10;
const MAX_BYTES = 5_000_000;

/** https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#AndroidFcmOptions */
const LABEL = /^[\w.~%-]{1,50}$/;

/** A number of nothing is absent. */
const percent = z.number().min(0).max(100).default(0);
const date = z.object({
  year: z.int().min(1970).max(9999),
  month: z.int().min(1).max(12),
  day: z.int().min(1).max(31),
});
/** https://firebase.google.com/docs/reference/fcmdata/rest/v1beta1/projects.androidApps.deliveryData/list */
const entry = z.object({
  date,
  analyticsLabel: z.string().default(''),
  data: z.object({
    countMessagesAccepted: z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number)
      .default(0),
    messageOutcomePercents: z
      .object({
        delivered: percent,
        pending: percent,
        collapsed: percent,
        droppedTooManyPendingMessages: percent,
        droppedAppForceStopped: percent,
        droppedDeviceInactive: percent,
        droppedTtlExpired: percent,
      })
      .optional(),
  }),
});
const page = z.object({
  androidDeliveryData: z.array(z.unknown()).default([]),
  nextPageToken: z.string().default(''),
});

/**
 * Fetches what FCM's Data API says of the Android apps of a source: one entry for each analytics label and day of the last days.
 * Pushes without a label are left out, and so is an entry that cannot be read. Throws if an app's data cannot be had.
 */
export async function fetchDeliveryData(
  config: Pick<Config, 'fcm' | 'sources'>,
  sourceName: string,
  clock: Pick<Clock, 'timeout'>,
): Promise<DeliveryDay[]> {
  const source: SourceConfig = findSource(config, sourceName);
  if (source.androidApps.length === 0) return [];
  const access = openCredentials(source);
  const token = await fetchAccessToken(access);
  const days: DeliveryDay[] = [];
  for (const app of source.androidApps) {
    const path = `/v1beta1/projects/${encodeURIComponent(access.projectId)}/androidApps/${app}/deliveryData`;
    days.push(...(await fetchPages(`${config.fcm.dataEndpoint}${path}`, token, clock)));
  }
  return addUp(days);
}

async function fetchPages(url: string, token: string, clock: Pick<Clock, 'timeout'>): Promise<DeliveryDay[]> {
  const days: DeliveryDay[] = [];
  let pageToken = '';
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const query = new URLSearchParams({
      pageSize: `${PAGE_SIZE}`,
      ...(pageToken === '' ? {} : { pageToken }),
    });
    const content = page.safeParse(await fetchJson(`${url}?${query.toString()}`, token, clock)).data;
    if (content === undefined)
      throw new Error('the Data API of FCM: expected a list of delivery data, got another answer');
    days.push(...content.androidDeliveryData.flatMap(parseEntry));
    if (content.nextPageToken === '') return days;
    pageToken = content.nextPageToken;
  }
  throw new Error(`the Data API of FCM: expected at most ${MAX_PAGES} pages, got more`);
}

function parseEntry(found: unknown): DeliveryDay[] {
  const { data } = entry.safeParse(found);
  if (data === undefined || !LABEL.test(data.analyticsLabel)) return [];
  const { year, month, day } = data.date;
  const { countMessagesAccepted: accepted, messageOutcomePercents: percents } = data.data;
  return [
    {
      label: data.analyticsLabel,
      day: new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10),
      accepted,
      outcome:
        percents === undefined
          ? null
          : {
              delivered: percents.delivered,
              pending: percents.pending,
              collapsed: percents.collapsed,
              dropped: Math.min(
                100,
                percents.droppedTooManyPendingMessages +
                  percents.droppedAppForceStopped +
                  percents.droppedDeviceInactive +
                  percents.droppedTtlExpired,
              ),
            },
    },
  ];
}

async function fetchJson(url: string, token: string, clock: Pick<Clock, 'timeout'>): Promise<unknown> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    // Where a redirect leads, the token is not to go.
    redirect: 'error',
    signal: clock.timeout(TIMEOUT_MS),
  }).catch(() => null);
  if (response === null) throw new Error('the Data API of FCM: no answer');
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(
      `the Data API of FCM: expected HTTP 200, got ${response.status}${adviceOf(response.status)}`,
    );
  }
  let text = '';
  const decoder = new TextDecoder();
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (text.length > MAX_BYTES) throw new Error(`the Data API of FCM: expected at most ${MAX_BYTES} bytes`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('the Data API of FCM: expected JSON, got something else');
  }
}

function adviceOf(status: number): string {
  if (status === 403) {
    return ': enable fcmdata.googleapis.com in the project, and give the service account fcmdata.deliverydata.list';
  }
  return status === 404 ? ': check FCM_ANDROID_APPS' : '';
}
