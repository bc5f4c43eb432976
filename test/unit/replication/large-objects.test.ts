import { expect, test } from 'vitest';
import { memoryCapabilities, type MemoryOptions } from '../../../src/providers/memory/memory.ts';
import { bytesOf } from '../../support/bytes.ts';
import { openWorld, type WorldOptions } from '../../support/engine.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const { limits } = memoryCapabilities;

/** Takes parts of 256 KiB to 1 MiB, and no put of more. */
function small(order: 'any' | 'sequential' = 'any', more: MemoryOptions['capabilities'] = {}): MemoryOptions {
  const part = { min: 256 * KiB, max: MiB, multipleOf: 256 * KiB, maxCount: 100, order };
  return { capabilities: { ...more, limits: { ...limits, maxPutSize: 256 * KiB, part } } };
}

const mixed: WorldOptions = {
  targets: { one: small(), two: small('sequential'), three: small('any', { attests: {} }) },
};

test.each([256 * KiB + 1, MiB, MiB + 1, 5 * MiB + 7])(
  '%i bytes go to every target in parts, from one read',
  async (size) => {
    await using world = await openWorld(mixed);
    const bytes = bytesOf(size);
    world.source.write('big', bytes);
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3, bytesCopied: 3 * size });
    for (const place of world.targets) expect(place.bucket.objects.get('big')?.bytes.equals(bytes)).toBe(true);
    expect([world.source.count('read'), world.source.bytesRead, world.count('put')]).toEqual([1, size, 0]);
    const evidence = ['attested', 'attested', 'read'];
    expect((await world.object('big')).copies.map((copy) => copy.evidence?.method)).toEqual(
      (await world.object('big')).copies.map(({ target }) => evidence[['one', 'two', 'three'].indexOf(target)]),
    );
    expect(world.engine.budget.used).toBe(0);
  },
);

test.each(['start-upload', 'part', 'complete'] as const)(
  'a target that fails at %s is left behind; the others are served from the same read',
  async (operation) => {
    await using world = await openWorld(mixed);
    const bytes = bytesOf(5 * MiB);
    world.source.write('big', bytes);
    const two = world.target('two');
    let calls = 0;
    two.before = (call) => {
      if (call.operation === operation && (calls += 1) >= (operation === 'part' ? 3 : 1))
        throw two.error('unavailable');
    };
    expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 2, failed: 1 });
    expect(world.source.bytesRead).toBe(bytes.length);
    expect(await world.problems()).toMatchObject([{ target: 'two', error: { code: 'unavailable' } }]);
    expect([two.keys(), two.count('abort')]).toEqual([[], 0]);
    expect(two.bucket.uploads.size).toBe(operation === 'start-upload' ? 0 : 1);
    expect(world.engine.budget.used).toBe(0);
    two.heal();
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1, inPlace: 2 });
    expect(two.bucket.objects.get('big')?.bytes.equals(bytes)).toBe(true);
    expect(two.bucket.uploads.size).toBe(0);
  },
);

test('when every target fails, the source is not read to its end', async () => {
  await using world = await openWorld({ targets: { one: small() } });
  world.source.write('big', bytesOf(20 * MiB));
  world.target('one').failWith('denied', 'start-upload');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', failed: 1 });
  expect(world.source.bytesRead).toBeLessThan(10 * MiB);
  expect(await world.problems()).toMatchObject([{ error: { code: 'denied' } }]);
});

test('a part that arrives damaged is sent again from memory', async () => {
  await using world = await openWorld({ targets: { one: small() } });
  world.source.write('big', bytesOf(3 * MiB));
  const one = world.target('one');
  let parts = 0;
  one.before = ({ operation }) => {
    if (operation === 'part' && (parts += 1) === 2) throw one.error('checksum-mismatch');
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect([world.source.bytesRead, one.count('part')]).toEqual([3 * MiB, 4]);
});

test('a completion whose answer was lost is adopted', async () => {
  await using world = await openWorld({ targets: { one: small() } });
  world.source.write('big', bytesOf(2 * MiB));
  const one = world.target('one');
  one.after = ({ operation }) => {
    if (operation === 'complete') throw one.error('unavailable');
  };
  await world.reconcile();
  one.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', inPlace: 1, copied: 0 });
  expect(one.bucket.objects.get('big')?.version).toBe('v1');
});

test('a copy that came out wrong is found by reading it back, and made again', async () => {
  await using world = await openWorld({ targets: { one: small('any', { attests: {} }) } });
  world.source.write('big', bytesOf(2 * MiB));
  const one = world.target('one');
  one.after = ({ operation, key = '' }) => {
    if (operation === 'complete') one.flip(key);
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', failed: 1 });
  expect([one.keys(), (await world.copy('big')).state]).toEqual([[], 'damaged']);
  one.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
});

test('a read of the source that breaks off goes on where it stopped', async () => {
  await using world = await openWorld({ targets: { one: small() } });
  const bytes = bytesOf(3 * MiB);
  world.source.write('big', bytes);
  let chunks = 0;
  world.source.body = async function* (body) {
    for await (const chunk of body) {
      if ((chunks += 1) % 7 === 0) throw world.source.error('unavailable');
      yield chunk;
    }
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(world.target('one').bucket.objects.get('big')?.bytes.equals(bytes)).toBe(true);
  expect(world.source.bytesRead).toBe(bytes.length);
});

test('memory stays under its limit, and little of it is enough', async () => {
  await using world = await openWorld({ ...mixed, memory: 2 * MiB, concurrency: 16 });
  for (let n = 0; n < 12; n += 1) world.source.write(`big${n}`, bytesOf(2 * MiB + n, `${n}`));
  let most = 0;
  for (const place of world.targets) place.before = () => void (most = Math.max(most, world.engine.budget.used));
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 36 });
  expect(most).toBeLessThanOrEqual(2 * MiB);
  expect(world.engine.budget.used).toBe(0);
});

test('an object whose parts are larger than the memory is refused by name', async () => {
  await using world = await openWorld({ targets: { one: small() }, memory: 512 * KiB });
  world.source.write('big', bytesOf(3 * MiB));
  world.source.write('little', 'x');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 1, failed: 1 });
  const message = expect.stringContaining('limits.memory') as string;
  expect(await world.problems()).toMatchObject([{ key: 'big', error: { code: 'unsupported', message } }]);
});

test('targets that no part size suits at once are served one by one; one that is too small says so', async () => {
  const huge = { ...limits.part, min: 2 * MiB };
  const targets = {
    one: small(),
    two: { capabilities: { limits: { ...limits, maxPutSize: 1, part: huge } } },
    three: { capabilities: { limits: { ...limits, maxObjectSize: MiB } } },
  };
  await using world = await openWorld({ targets });
  world.source.write('big', bytesOf(3 * MiB));
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 2, failed: 1 });
  expect(await world.problems()).toMatchObject([{ target: 'three', error: { code: 'unsupported' } }]);
});
