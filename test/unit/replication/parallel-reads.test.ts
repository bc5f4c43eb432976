import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Clock } from '../../../src/objects/clock.ts';
import { memoryCapabilities, type MemoryOptions } from '../../../src/providers/memory/memory.ts';
import { inTurn } from '../../../src/providers/in-turn.ts';
import { Slots } from '../../../src/providers/slots.ts';
import { TokenBucket } from '../../../src/providers/token-bucket.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { copyObject } from '../../../src/replication/copy.ts';
import type { CopyResult } from '../../../src/replication/copy-job.ts';
import type { Candidate } from '../../../src/replication/read-source.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { bytesOf } from '../../support/bytes.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { Place } from '../../support/place.ts';
import { calm, openS3Room, put } from '../../support/s3-room.ts';
import { TestClock } from '../../support/test-clock.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Takes parts of 1 MiB, and no put of more than 256 KiB; and is read by three requests at once. */
const inParts: MemoryOptions = {
  capabilities: {
    parallelReads: 3,
    limits: {
      ...memoryCapabilities.limits,
      maxPutSize: 256 * KiB,
      part: { min: 256 * KiB, max: MiB, multipleOf: 256 * KiB, maxCount: 100, order: 'any' },
    },
  },
};

const options: WorldOptions = { source: inParts, targets: { one: inParts, two: inParts } };

/** How many bodies are being read at the source at once, at most. */
function watchBodies({ source }: World): () => number {
  let [open, most] = [0, 0];
  source.body = async function* (chunks) {
    most = Math.max(most, (open += 1));
    try {
      yield* chunks;
    } finally {
      open -= 1;
    }
  };
  return () => most;
}

test('a large object is read in ranges side by side, each byte once, and goes to every target', async () => {
  await using world = await openWorld(options);
  const bytes = bytesOf(9 * MiB + 7);
  world.source.write('big', bytes);
  world.source.write('short of two parts', bytesOf(2 * MiB - 1));
  const most = watchBodies(world);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 4 });
  for (const place of world.targets) expect(place.bucket.objects.get('big')?.bytes.equals(bytes)).toBe(true);
  expect([world.source.count('read'), world.source.bytesRead]).toEqual([10 + 1, 11 * MiB + 6]);
  expect(most()).toBeGreaterThanOrEqual(3);
  expect(world.engine.budget.used).toBe(0);
});

test('however fast parts are read, four of them are sent at once', async () => {
  await using world = await openWorld({ ...options, targets: { one: inParts } });
  world.source.write('big', bytesOf(16 * MiB));
  const one = world.target('one');
  let [open, most] = [0, 0];
  one.before = async ({ operation }) => {
    if (operation !== 'part') return;
    most = Math.max(most, (open += 1));
    for (let turn = 0; turn < 100; turn += 1) await setImmediate();
    open -= 1;
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(most).toBe(4);
});

test('a version that is replaced in the middle is a conflict: nothing becomes visible', async () => {
  await using world = await openWorld(options);
  world.source.write('big', bytesOf(9 * MiB, 'before'));
  let reads = 0;
  world.source.before = ({ operation }) => {
    if (operation === 'read' && (reads += 1) === 5) world.source.write('big', bytesOf(9 * MiB, 'after'));
  };
  await world.reconcile();
  const seen = world.targets.map((place) => place.bucket.objects.get('big')?.bytes.equals(bytesOf(9 * MiB, 'before')));
  expect(seen).not.toContain(true);
  world.source.heal();
  await world.reconcile();
  for (const place of world.targets) {
    expect(place.bucket.objects.get('big')?.bytes.equals(bytesOf(9 * MiB, 'after'))).toBe(true);
  }
});

test('when every target fails, the source is not read to its end', async () => {
  await using world = await openWorld(options);
  world.source.write('big', bytesOf(20 * MiB));
  for (const place of world.targets) place.failWith('denied', 'start-upload');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', failed: 2 });
  expect(world.source.bytesRead).toBeLessThan(10 * MiB);
  expect(world.engine.budget.used).toBe(0);
});

test('a copy is made again from another copy, and where that fails in the middle, from the next', async () => {
  await using world = await openWorld({ source: inParts, targets: { one: inParts, two: inParts, three: inParts } });
  const bytes = bytesOf(9 * MiB);
  world.source.write('big', bytes);
  await world.reconcile();
  world.target('three').bucket.objects.delete('big');
  world.source.failWith('not-found', 'read');
  const one = world.target('one');
  let reads = 0;
  one.before = ({ operation, key }) => {
    if (operation === 'read' && (reads += 1) > 4) throw one.error('unavailable', key);
  };
  world.forget();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 1 });
  expect(world.target('three').bucket.objects.get('big')?.bytes.equals(bytes)).toBe(true);
  expect([world.source, one, world.target('two')].map((place) => place.bytesRead)).toEqual([0, 4 * MiB, 5 * MiB]);
});

test('little memory is enough for many objects at once, and is never exceeded', async () => {
  await using world = await openWorld({ ...options, memory: 2 * MiB, concurrency: 16 });
  for (let n = 0; n < 12; n += 1) world.source.write(`big${n}`, bytesOf(4 * MiB + n, `${n}`));
  let most = 0;
  for (const place of world.targets) place.before = () => void (most = Math.max(most, world.engine.budget.used));
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 24 });
  expect(most).toBeLessThanOrEqual(2 * MiB);
  expect(world.engine.budget.used).toBe(0);
});

/** Copies to a target that takes parts of 1 MiB. */
async function copyTo(
  target: Place,
  from: Candidate,
  more: { readonly clock: Clock; readonly budget: ByteBudget },
): Promise<CopyResult> {
  const capabilities = await target.site.connect('target', calm);
  const destinations = [{ name: target.name, provider: target.site.provider, capabilities, occupied: null }];
  const job = { from, sourceVersion: from.version, sourceModifiedAt: 0, sha256: null, destinations };
  const ignore = (): undefined => undefined;
  const told = { now: () => more.clock.now(), onBytes: ignore, onSourceBytes: ignore, log: silentLog };
  return await copyObject(job, { ...told, method: 'attested', ...more }, calm);
}

test('what an S3 source states of the object is compared with its ranges; one flipped bit is not copied', async () => {
  await using room = await openS3Room();
  const bytes = bytesOf(4 * MiB);
  const { version } = await put(room.provider, 'x', bytes);
  const clock = new TestClock();
  const target = new Place('one', clock, inParts);
  const { parallelReads } = await room.provider.connect('source', calm);
  const from = { provider: room.provider, key: 'x', version, size: bytes.length, parallelReads };
  const rest = { clock, budget: new ByteBudget(100 * MiB) };
  room.fake.inject({ match: { method: 'GET', keyPattern: /^x$/, nth: 3 }, fault: 'flip-bit-read' });
  await expect(copyTo(target, from, rest)).rejects.toMatchObject({ code: 'checksum-mismatch' });
  expect(target.keys()).toEqual([]);
  await copyTo(target, from, rest);
  expect(target.bucket.objects.get('x')?.bytes.equals(bytes)).toBe(true);
});

test.each([1, 2, 5])(
  '%i bodies at once, as a place may limit them, and little memory: all come through',
  async (bodies) => {
    const clock = new TestClock();
    const [source, target] = [new Place('source', clock, inParts), new Place('one', clock, inParts)];
    const turns = { requests: new TokenBucket(undefined, clock), calls: new Slots(1), bodies: new Slots(bodies) };
    const provider = inTurn(source.site.provider, turns);
    const budget = new ByteBudget(3 * MiB);
    const copy = async (key: string, size: number): Promise<CopyResult> => {
      const { version } = source.write(key, bytesOf(size));
      return await copyTo(target, { provider, key, version, size, parallelReads: 3 }, { clock, budget });
    };
    const sizes = [6 * MiB, 200 * KiB, 3 * MiB + 1, 5 * MiB, 100 * KiB, 4 * MiB];
    await Promise.all(sizes.map((size, n) => copy(`${n}`, size)));
    expect(target.keys()).toHaveLength(sizes.length);
    expect(source.bytesRead).toBe(sizes.reduce((sum, size) => sum + size));
    expect(budget.used).toBe(0);
  },
);
