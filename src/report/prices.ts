/** What AWS Lambda costs, in dollars. Prices change, and other regions have others: hence the date and the source. */
export interface LambdaPrices {
  readonly region: string;
  /** When the prices were read. */
  readonly asOf: string;
  readonly source: string;
  readonly gbSecond: { readonly x86_64: number; readonly arm64: number };
  readonly millionRequests: number;
}

export type Architecture = keyof LambdaPrices['gbSecond'];

/** The first tier of the price list, without the free tier. */
export const LAMBDA_PRICES: LambdaPrices = {
  region: 'us-east-1',
  asOf: '2026-11',
  source: 'https://aws.amazon.com/lambda/pricing/',
  gbSecond: { x86_64: 0.000_016_666_7, arm64: 0.000_013_333_4 },
  millionRequests: 0.2,
};

/** The dollars that so many seconds and requests cost. */
export function costOf(
  gbSeconds: number,
  requests: number,
  architecture: Architecture,
  { gbSecond, millionRequests }: LambdaPrices = LAMBDA_PRICES,
): number {
  return gbSeconds * gbSecond[architecture] + (requests / 1_000_000) * millionRequests;
}
