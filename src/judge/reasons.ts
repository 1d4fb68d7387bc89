/** The most different reasons that are named: FCM's codes come from outside, and a group has up to 500 of them. */
const MAX_NAMED_REASONS = 5;

/** The different reasons, most frequent first, for a person; of many only some. */
export function listReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const names = [...counts].toSorted(([, one], [, two]) => two - one).map(([reason]) => reason);
  const more = names.length - MAX_NAMED_REASONS;
  return names.slice(0, MAX_NAMED_REASONS).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
