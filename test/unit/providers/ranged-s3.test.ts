import { expect, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { compareKeys, type Key } from '../../../src/objects/key.ts';
import { ProviderLimits, type LimitSettings } from '../../../src/providers/limits.ts';
import { openProvider } from '../../../src/providers/open.ts';
import type { FurtherOn, ListOptions } from '../../../src/providers/provider.ts';
import { startFakeS3 } from '../../support/fake-s3/fake-s3.ts';

const calm = new AbortController().signal;
const keys = Array.from({ length: 20_000 }, (_, n) => `u/${String(n).padStart(6, '0')}`);
/** What the catalog of another source may know: such cannot be held, or asked for, as they are. */
const odd = keys.flatMap((key, n) => (n % 2 === 0 ? [] : [`${key}\n`, `${key}${'k'.repeat(1_100)}`, `${key}\udc80`]));

function knowing(known: readonly Key[]): FurtherOn {
  const sorted = known.toSorted(compareKeys);
  return async (after, count) => {
    const at = sorted.findIndex((key) => compareKeys(key, after) > 0);
    return await Promise.resolve(at < 0 ? undefined : sorted[at + count - 1]);
  };
}

/** Lists 20,000 objects of a server in pages of 1,000. */
async function listed(options: ListOptions, settings: LimitSettings = {}): Promise<{ starts: number; pages: number }> {
  const fake = await startFakeS3();
  for (const key of keys) fake.place(`p/${key}`, '');
  const provider = await openProvider(
    'copies',
    { type: 's3', bucket: 'bucket', ...fake.access, prefix: 'p/' },
    {
      ...{ clock: systemClock, random: Math.random, onRequest: () => undefined },
      limits: new ProviderLimits(settings, systemClock),
    },
  );
  expect(await provider.connect('target', calm)).toMatchObject({ listsAfter: true });
  fake.forgetRequests();
  const pages = await Array.fromAsync(provider.list({ prefix: 'u/', ...options }, calm));
  await provider.close();
  await fake.stop();
  expect(pages.flatMap(({ entries }) => entries.map(({ key }) => key))).toEqual(keys);
  const starts = fake.requests.filter(({ query }) => query.has('start-after')).length;
  return { starts, pages: fake.requests.length };
}

test('a bucket is listed by ranges below all that is round it, its encoded keys but once', async () => {
  const chain = await listed({});
  // The last of them is for encoded keys, of which there are none.
  expect(chain).toEqual({ starts: 0, pages: 21 });
  const { starts, pages } = await listed({ furtherOn: knowing(keys) });
  expect(starts).toBe(4);
  expect(pages).toBeLessThanOrEqual(22);
});

test('boundaries that no listing can begin at are passed over', async () => {
  const { starts } = await listed({ furtherOn: knowing([...keys, ...odd]) });
  expect(starts).toBeGreaterThan(2);
});

test('limits that leave no room for ranges ahead leave one chain', async () => {
  const chain = await listed({ furtherOn: knowing(keys) }, { concurrency: 1 });
  expect(chain).toEqual({ starts: 0, pages: 21 });
});
