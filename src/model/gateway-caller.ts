/** The caller that a gateway's own authorizer has let through: what the gateway says of it, and nothing that a client can add. */
export type GatewayCaller =
  | { readonly kind: 'iam'; readonly arn: string }
  | {
      readonly kind: 'jwt';
      readonly subject: string;
      /** The OAuth scopes that the token's issuer granted. */
      readonly scopes: readonly string[];
      /** The groups of Amazon Cognito that the user belongs to. */
      readonly groups: readonly string[];
    };

/** The name of a caller in the log. */
export function nameOfCaller(caller: GatewayCaller): string {
  return caller.kind === 'iam' ? caller.arn : caller.subject;
}
