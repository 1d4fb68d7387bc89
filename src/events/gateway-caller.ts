import type { GatewayCaller } from '../model/gateway-caller.ts';
import { isObject } from '../parse.ts';

/** Parses the caller from `identity` (REST API) or `authorizer.iam` (HTTP API, function URL); null: no IAM authorizer named one. */
export function parseIamCaller(identity: unknown): GatewayCaller | null {
  const arn = isObject(identity) ? textOf(identity['userArn']) : '';
  return arn === '' ? null : { kind: 'iam', arn };
}

/** Parses the caller from the claims of a JWT that the gateway has checked; null: there are none, or they name nobody. */
export function parseJwtCaller(authorizer: unknown): GatewayCaller | null {
  if (!isObject(authorizer) || !isObject(authorizer['claims'])) return null;
  const { sub, client_id: clientId, scope, scp, 'cognito:groups': groups } = authorizer['claims'];
  const subject = textOf(sub) || textOf(clientId);
  if (subject === '') return null;
  return {
    kind: 'jwt',
    subject,
    scopes: [...listOf(scope, ' '), ...listOf(scp, ' ')],
    groups: listOf(groups, ','),
  };
}

/**
 * The texts of a claim that is a list, or a list written as text: a REST API joins it with commas, and an HTTP API writes
 * `[one two]`.
 */
function listOf(claim: unknown, separator: ' ' | ','): string[] {
  if (Array.isArray(claim)) return claim.map(textOf).filter((text) => text !== '');
  const text = textOf(claim);
  const inBrackets = /^\[(.*)\]$/s.exec(text)?.[1];
  return (inBrackets === undefined ? text.split(separator) : inBrackets.split(' ')).filter(
    (each) => each !== '',
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
