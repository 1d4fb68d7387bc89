import type { Gatherer } from '../context.ts';

/** A statement for more items than this takes longer than it saves. */
const MAX_ITEMS = 500;

interface Caller {
  readonly items: readonly unknown[];
  readonly done: PromiseWithResolvers<readonly unknown[]>;
}

/**
 * Makes a gatherer. Many requests at the same time would each ask the database for the same few things: while one call is
 * under way the others wait, and then go together. A single caller never waits.
 */
export function makeGatherer(): Gatherer {
  const waiting = new Map<string, Caller[]>();

  async function workOff(name: string, work: (items: readonly unknown[]) => Promise<readonly unknown[]>) {
    for (let queue; (queue = waiting.get(name));) {
      const callers = takeSome(queue);
      if (callers.length === 0) break;
      await work(callers.flatMap(({ items }) => items)).then(
        (results) => {
          let first = 0;
          for (const { items, done } of callers) done.resolve(results.slice(first, (first += items.length)));
        },
        (error: unknown) => {
          for (const { done } of callers) done.reject(error);
        },
      );
    }
    waiting.delete(name);
  }

  return {
    async join<In, Out>(
      name: string,
      items: readonly In[],
      work: (items: readonly In[]) => Promise<readonly Out[]>,
    ): Promise<readonly Out[]> {
      const done = Promise.withResolvers<readonly unknown[]>();
      const queue = waiting.get(name);
      if (queue) queue.push({ items, done });
      else {
        waiting.set(name, [{ items, done }]);
        void workOff(name, (all) => work(all as readonly In[]));
      }
      return (await done.promise) as readonly Out[];
    },
  };
}

/** Takes the first caller, however many items it has, and more callers as long as there is room. */
function takeSome(queue: Caller[]): Caller[] {
  let count = 0;
  const end = queue.findIndex(({ items }, nth) => (count += items.length) > MAX_ITEMS && nth > 0);
  return queue.splice(0, end === -1 ? queue.length : end);
}
