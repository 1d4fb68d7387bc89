import type { WebhookConfig } from '../config/config.ts';
import type { Context } from '../context.ts';
import { codeOf } from '../errors.ts';
import type { Alert } from '../model/alert.ts';
import { toPayload, toSlack } from './format.ts';

/** A tick has more to do than to wait for a receiver. */
const TIMEOUT_MS = 5000;

/**
 * Posts an alert to a webhook; resolves to why it was not taken, or to null. The reason has neither the address nor the key:
 * a library's message may quote both. No redirect is followed: it would take the alert to another address.
 */
export async function postToWebhook(
  { clock }: Pick<Context, 'clock'>,
  { url, secret, format }: WebhookConfig,
  alert: Alert,
): Promise<string | null> {
  const body = JSON.stringify(format === 'slack' ? toSlack(alert) : toPayload(alert));
  const signature = secret === null ? {} : await sign(secret, alert.id, body, clock.now());
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signature },
      body,
      redirect: 'manual',
      signal: clock.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok ? null : describeStatus(response.status);
  } catch (error) {
    return describeError(error);
  }
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#webhook-headers-sending-metadata-to-consumers */
async function sign(
  secret: string,
  id: string,
  body: string,
  nowMs: number,
): Promise<Record<string, string>> {
  const { Webhook } = await import('standardwebhooks');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(nowMs / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, new Date(nowMs), body),
  };
}

function describeStatus(status: number): string {
  const isRedirect = status >= 300 && status < 400;
  return `HTTP ${status}${isRedirect ? ': a redirect, which is not followed' : ''}`;
}

function describeError(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer in ${TIMEOUT_MS / 1000} s`;
  const code = error instanceof Error ? codeOf(error.cause) : null;
  return code !== null && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'no connection';
}
