import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { ObjectInfo } from '../../../src/objects/object.ts';
import type { ListOptions, ListPage } from '../../../src/providers/provider.ts';
import { detect } from '../../../src/replication/detect.ts';
import type { Seen } from '../../../src/replication/seen.ts';
import type { Policy } from '../../../src/replication/policy.ts';
import type { Site } from '../../../src/replication/site.ts';
import type { Log } from '../../../src/telemetry/log.ts';

const calm = new AbortController().signal;
const seconds = 1_000;
const object: ObjectInfo = { key: 'a', size: 1, version: 'v', modifiedAt: 0 };

/** Goes on when it is told to. */
class Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly due: number; readonly ring: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, ring: () => void): () => void {
    const timer = { due: this.#now + ms, ring };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const { due, ring } of this.#timers) if (due <= this.#now) ring();
  }
}

/** A pass over one object, where the target gives these pages, one in so many milliseconds. */
async function passWith(pages: readonly ListPage[], each: number): Promise<Seen> {
  const clock = new Clock();
  async function* slowly(_: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage> {
    for (const page of pages) {
      await setImmediate();
      clock.pass(each);
      signal.throwIfAborted();
      yield page;
    }
  }
  async function* atOnce(): AsyncGenerator<ListPage> {
    yield { entries: [object] };
  }
  async function* nothing(): AsyncGenerator<never> {}
  const source = { name: 'source', provider: { list: atOnce } } as unknown as Site;
  const target = { name: 'target', provider: { list: slowly } } as unknown as Site;
  const policy = { name: 'p', source, includes: () => true } as unknown as Policy;
  const options = { prefix: '', targets: [target], asOf: 0, deep: false, byRanges: true, clock };
  const catalog = { outline: nothing } as unknown as Catalog;
  const record = async (): Promise<void> => await Promise.resolve();
  return await detect(catalog, policy, { ...options, record, onProgress: () => undefined }, {} as Log, calm);
}

test('a target that sorts its listing takes part, however long that takes, as long as it goes on', async () => {
  const empty: ListPage = { entries: [] };
  const { listed, targetFailures } = await passWith([empty, empty, empty, empty, { entries: [object] }], 15 * seconds);
  expect([listed, [...targetFailures]]).toEqual([1, []]);
});

test('a target that gives no page in time drops out, and the pass goes on', async () => {
  const { listed, targetFailures } = await passWith([{ entries: [object] }], 25 * seconds);
  expect(listed).toBe(1);
  expect(targetFailures.get('target')).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('did not list a page within 20 s'),
  });
});
