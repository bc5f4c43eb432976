import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { inTurn } from '../../../src/providers/in-turn.ts';
import { Slots } from '../../../src/providers/slots.ts';
import { TokenBucket } from '../../../src/providers/token-bucket.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { copyObject } from '../../../src/replication/copy.ts';
import type { CopyResult } from '../../../src/replication/copy-job.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { bytesOf } from '../../support/bytes.ts';
import { Place } from '../../support/place.ts';
import { TestClock } from '../../support/test-clock.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

test('an object in parts that reads does not wait for memory of one that waits for its turn to read', async () => {
  const clock = new TestClock();
  const [source, target] = [new Place('source', clock), new Place('one', clock)];
  const turns = { requests: new TokenBucket(undefined, clock), calls: new Slots(undefined), bodies: new Slots(1) };
  const provider = inTurn(source.site.provider, turns);
  const { limits } = memoryCapabilities;
  const part = { min: 256 * KiB, max: MiB, multipleOf: 256 * KiB, maxCount: 100, order: 'any' } as const;
  const capabilities = { ...memoryCapabilities, limits: { ...limits, maxPutSize: 256 * KiB, part } };
  const budget = new ByteBudget(MiB);
  const signal = new AbortController().signal;
  const copy = async (key: string, size: number): Promise<CopyResult> => {
    const { version } = source.write(key, bytesOf(size));
    const destinations = [{ name: 'one', provider: target.site.provider, capabilities, occupied: null }];
    const job = { from: { provider, key, version, size }, sourceVersion: version, sourceModifiedAt: 0 };
    const ignore = (): undefined => undefined;
    const told = { now: () => clock.now(), onBytes: ignore, onSourceBytes: ignore, log: silentLog };
    const options = { ...told, method: 'attested', budget, clock } as const;
    return await copyObject({ ...job, sha256: null, destinations }, options, signal);
  };
  const { promise: reading, resolve: begun } = Promise.withResolvers<void>();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  source.before = async ({ operation, key }) => {
    if (operation !== 'read' || key !== 'big') return;
    begun();
    await answered;
  };
  const big = copy('big', 3 * MiB);
  await reading;
  const small = copy('small', 200 * KiB);
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
  answer();
  await Promise.all([big, small]);
  expect(target.keys()).toEqual(['big', 'small']);
  expect(budget.used).toBe(0);
});
