import type { Context } from '../context.ts';

/** The answer of a canary phone: the round that its push names, and its own target. */
export interface CanaryAnswer {
  readonly round: string;
  readonly target: string;
}

/** Records which canary phones have answered. */
export async function answerCanaries(
  _ctx: Pick<Context, 'store'>,
  _answers: readonly CanaryAnswer[],
): Promise<void> {}
