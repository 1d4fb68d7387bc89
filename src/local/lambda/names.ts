import { badParameter, badValue, notFound } from './errors.ts';

/** Account for the ARNs: the one of AWS's own examples. */
const ACCOUNT = '123456789012';

/** Pattern of NamespacedFunctionName in AWS's API model: a name, a partial or a full ARN, each with or without a qualifier. */
const FUNCTION_NAME =
  /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$/;

export interface FunctionIdentity {
  readonly name: string;
  readonly region: string;
  readonly aliases: readonly string[];
}

export interface FunctionReference {
  /** ARN with the qualifier that the caller used, if there was one. */
  readonly arn: string;
  readonly qualifier: string | null;
}

export function functionArn({ name, region }: Pick<FunctionIdentity, 'name' | 'region'>): string {
  return `arn:aws:lambda:${region}:${ACCOUNT}:function:${name}`;
}

/** `resolveFunction` accepts every form of the function's name that AWS accepts; throws AWS's own errors. */
export function resolveFunction(
  identity: FunctionIdentity,
  reference: string,
  qualifierParameter: string | null,
): FunctionReference {
  const match = FUNCTION_NAME.exec(reference);
  if (!match)
    throw badValue(reference, 'functionName', `satisfy regular expression pattern: ${FUNCTION_NAME.source}`);
  const [, region = identity.region, account = ACCOUNT, name = '', ownQualifier] = match;
  if (ownQualifier !== undefined && qualifierParameter !== null && ownQualifier !== qualifierParameter) {
    throw badParameter(
      'The derived qualifier from the function name does not match the specified qualifier.',
    );
  }
  const qualifier = ownQualifier ?? qualifierParameter;
  const suffix = qualifier === null ? '' : `:${qualifier}`;
  if (region !== identity.region) {
    throw notFound(`Functions from '${region}' are not reachable in this region ('${identity.region}')`);
  }
  const known = qualifier === null || qualifier === '$LATEST' || identity.aliases.includes(qualifier);
  if (name !== identity.name || account !== ACCOUNT || !known) {
    throw notFound(`Function not found: arn:aws:lambda:${region}:${account}:function:${name}${suffix}`);
  }
  return { arn: `${functionArn(identity)}${suffix}`, qualifier };
}
