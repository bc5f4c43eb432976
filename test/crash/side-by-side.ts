import PQueue from 'p-queue';

/** What is looked at from outside at once: servers answer more of it than one at a time. */
const atOnce = 8;

/** A map of what `look` finds of each, some at a time. */
export async function lookedAt<T, Found>(
  all: AsyncIterable<T> | Iterable<T>,
  look: (one: T) => Promise<readonly [string, Found] | undefined>,
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  const queue = new PQueue({ concurrency: atOnce });
  const looking: Promise<void>[] = [];
  for await (const one of all) {
    const added = queue.add(async () => {
      const [key, what] = (await look(one)) ?? [];
      if (key !== undefined && what !== undefined) found.set(key, what);
    });
    looking.push(added);
  }
  await Promise.all(looking);
  return found;
}
