import { describeText } from '../device-csv.ts';
import { describeMismatch, type DeviceFile, type DeviceLine, type Reading } from '../device-line.ts';
import { parseDevice } from '../device-texts.ts';
import { objectOf, openJson, textOf } from './json-rows.ts';
import { LEFT_OUT, type Reason } from './reasons.ts';

/**
 * Pinpoint's channels of push services beside GCM, which is FCM's former name.
 * https://docs.aws.amazon.com/pinpoint/latest/developerguide/audience-define-export.html
 */
const APNS_CHANNELS = ['APNS', 'APNS_SANDBOX', 'APNS_VOIP', 'APNS_VOIP_SANDBOX'];
const OTHER_PUSH_CHANNELS = ['ADM', 'BAIDU'];

/** `readPinpoint` reads the endpoints that an export job has written: JSON lines. */
export async function readPinpoint(chunks: AsyncIterable<Buffer>, reading: Reading): Promise<DeviceFile> {
  const { encoding, rows: lines } = await openJson(chunks, 'Pinpoint');
  async function* rows(): AsyncGenerator<DeviceLine> {
    for await (const row of lines) {
      const { line } = row;
      if ('problem' in row) yield { line, device: describeMismatch(row.problem) };
      else yield { line, ...parseEndpoint(row.value, reading) };
    }
  }
  return { rows: rows(), describe: () => describeText(',', encoding).join(', ') };
}

function parseEndpoint(
  endpoint: Readonly<Record<string, unknown>>,
  reading: Reading,
): Omit<DeviceLine, 'line'> {
  const channel = text(endpoint['ChannelType']).toUpperCase();
  if (channel === '') {
    return {
      device: describeMismatch({ field: 'ChannelType', expected: 'a channel such as GCM', got: 'none' }),
    };
  }
  const reason = findReason(channel, endpoint);
  if (reason !== null) return { device: { leftOut: reason } };
  const demographic = objectOf(endpoint['Demographic']);
  const user = objectOf(endpoint['User']);
  return parseDevice(
    {
      token: text(endpoint['Address']),
      member: text(user['UserId']),
      platform: text(demographic['Platform']),
      locale: text(demographic['Locale']),
      time_zone: text(demographic['Timezone']),
      app_version: text(demographic['AppVersion']),
      last_seen_at: text(endpoint['EffectiveDate']),
      // What the user has goes before what the device has.
      tags: Object.entries({
        ...objectOf(endpoint['Attributes']),
        ...objectOf(user['UserAttributes']),
      }).flatMap(([name, value]) => readAttribute(name, value)),
      tagsColumn: 'attributes',
    },
    reading,
  );
}

function findReason(channel: string, endpoint: Readonly<Record<string, unknown>>): Reason | null {
  if (channel !== 'GCM') {
    if (APNS_CHANNELS.includes(channel)) return LEFT_OUT.apns;
    return OTHER_PUSH_CHANNELS.includes(channel) ? LEFT_OUT.otherPush : LEFT_OUT.noDevice;
  }
  if (text(endpoint['OptOut']).toUpperCase() === 'ALL') return LEFT_OUT.optedOut;
  return text(endpoint['EndpointStatus']).toUpperCase() === 'INACTIVE' ? LEFT_OUT.inactive : null;
}

function text(value: unknown): string {
  return textOf(value) ?? '';
}

/** An attribute is a list of texts. One that has several is no tag. */
function readAttribute(name: string, value: unknown): [string, string | null][] {
  if (!Array.isArray(value)) return [[name, textOf(value)]];
  return value.length === 0 ? [] : [[name, value.length === 1 ? textOf(value[0]) : null]];
}
