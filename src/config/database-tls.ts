/** `rds`: the certificate authorities of Amazon RDS. `verify`: those of the system, or those of the PEM file `ca`. */
export type DatabaseTls =
  | { readonly kind: 'off' }
  | { readonly kind: 'rds' }
  | { readonly kind: 'verify'; readonly ca: string | null };

/** Parameters of an address that say whether to use TLS, as MySQL's own clients, Go, JDBC, Prisma and libpq spell them. */
const TLS_PARAMETERS: readonly string[] = ['sslmode', 'ssl', 'tls', 'usessl', 'sslaccept'];

const OFF = new Set(['disabled', 'disable', 'false', '0', 'off']);
/** Baton's `verify` does at least what each of these asks for: it encrypts, and checks the certificate and its name. */
const VERIFY = new Set(
  'required require verify_ca verify-ca verify_identity verify-full true 1 on strict'.split(' '),
);

const EXPECTED =
  'no parameter but one of ssl-mode, sslmode, ssl, tls, useSSL and sslaccept, with one value of DISABLED, REQUIRED, ' +
  'VERIFY_CA, VERIFY_IDENTITY, true or false; DATABASE_TLS says the same and more';

/**
 * Reads what the parameters of an address say about TLS; null: nothing. Whatever Baton does not do is refused, and nothing is
 * ignored. The parameters may be the end of a password with a raw `?`: no error has one.
 */
export function readTlsParameters(
  { searchParams, hostname }: URL,
  isSet: boolean,
  refuse: (expected: string, got: string) => void,
): DatabaseTls | null {
  const parameters = [...searchParams];
  const [parameter] = parameters;
  if (parameter === undefined) return null;
  const [name, value] = parameter.map((each) => each.toLowerCase());
  const isTls = TLS_PARAMETERS.includes((name ?? '').replaceAll(/[-_]/g, ''));
  if (!isTls || parameters.length > 1) {
    refuse(EXPECTED, parameters.length > 1 ? `${parameters.length} parameters` : 'another parameter');
    return null;
  }
  if (isSet) {
    refuse('TLS set either in the address or in DATABASE_TLS', 'both');
    return null;
  }
  if (OFF.has(value ?? '')) return { kind: 'off' };
  if (!VERIFY.has(value ?? '')) {
    refuse(EXPECTED, 'another value');
    return null;
  }
  // The system does not know Amazon's certificate authorities.
  return hostname.endsWith('.rds.amazonaws.com') ? { kind: 'rds' } : { kind: 'verify', ca: null };
}
