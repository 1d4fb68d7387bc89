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

/** The memory of the function that costs are for, in MB: a full vCPU, as the template sets it. */
export const MEMORY_MB = 1769;

/** The GB-seconds of invocations that together took so many milliseconds. */
export function gbSecondsOf(busyMs: number): number {
  return (busyMs / 1000) * (MEMORY_MB / 1024);
}

/** The dollars that so many seconds and requests cost. */
export function costOf(gbSeconds: number, requests: number, architecture: Architecture): number {
  const { gbSecond, millionRequests } = LAMBDA_PRICES;
  return gbSeconds * gbSecond[architecture] + (requests / 1_000_000) * millionRequests;
}
