/** Maps up to `width` items at once and yields the results in the items' order, without those that are undefined. */
export async function* mapInOrder<From, To>(
  items: AsyncIterable<From>,
  width: number,
  map: (item: From) => Promise<To | undefined>,
): AsyncGenerator<To, void, undefined> {
  const running: Promise<To | undefined>[] = [];
  for await (const item of items) {
    const mapped = map(item);
    // It is awaited in its turn; when an earlier one fails, it never is.
    mapped.catch(() => undefined);
    running.push(mapped);
    if (running.length < width) continue;
    const first = await running.shift();
    if (first !== undefined) yield first;
  }
  for (const mapped of running) {
    const next = await mapped;
    if (next !== undefined) yield next;
  }
}

/** Merges two ascending sequences; of two items with the same name the first sequence's is kept. */
export async function* mergeInOrder<T>(
  preferred: AsyncGenerator<T, void, undefined>,
  other: AsyncGenerator<T, void, undefined>,
  nameOf: (item: T) => string,
): AsyncGenerator<T, void, undefined> {
  try {
    let b = await other.next();
    for await (const a of preferred) {
      for (; b.done !== true && nameOf(b.value) < nameOf(a); b = await other.next()) yield b.value;
      if (b.done !== true && nameOf(b.value) === nameOf(a)) b = await other.next();
      yield a;
    }
    for (; b.done !== true; b = await other.next()) yield b.value;
  } finally {
    await other.return();
  }
}
