import type { Context } from '../context.ts';
import type { CanaryAnswer } from '../model/canary.ts';

/**
 * Records the answers of phones to silent pushes. An answer that names no canary of its round has no effect, and nobody can
 * see whether it had one: the caller need not be a phone.
 */
export function answerCanaries(
  { store }: Pick<Context, 'store'>,
  answers: readonly CanaryAnswer[],
): Promise<void> {
  return store.answerCanaries(answers);
}
