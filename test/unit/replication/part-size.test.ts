import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Capabilities } from '../../../src/providers/provider.ts';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { defaultPartSize, planParts } from '../../../src/replication/part-size.ts';
import { printedSeed } from '../../support/seed.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const TiB = 1024 * GiB;

type Limits = Capabilities['limits'];

function place(limits: Partial<Omit<Limits, 'part'>> = {}, part: Partial<Limits['part']> = {}): Capabilities {
  const { limits: base } = memoryCapabilities;
  return { ...memoryCapabilities, limits: { ...base, ...limits, part: { ...base.part, ...part } } };
}

const s3 = place({ maxObjectSize: 48.8 * TiB, maxPutSize: 5 * GiB }, { min: 5 * MiB, max: 5 * GiB });
const gcs = place(
  { maxObjectSize: 5 * TiB, maxPutSize: 5 * TiB },
  { min: 256 * KiB, max: 5 * TiB, multipleOf: 256 * KiB },
);
const azure = place({ maxObjectSize: 190 * TiB, maxPutSize: 5000 * MiB }, { max: 4000 * MiB, maxCount: 50_000 });

test.each([
  [0, { kind: 'put' }],
  [defaultPartSize, { kind: 'put' }],
  [defaultPartSize + 1, { kind: 'parts', partSize: defaultPartSize }],
  [GiB, { kind: 'parts', partSize: 16 * MiB }],
  [6 * GiB, { kind: 'parts', partSize: 64 * MiB }],
  [624 * GiB, { kind: 'parts', partSize: 64 * MiB }],
  [640 * GiB, { kind: 'parts', partSize: 65.75 * MiB }],
  [5 * TiB, { kind: 'parts', partSize: 524.5 * MiB }],
  [5 * TiB + 1, undefined],
])('%i bytes to S3, GCS and Azure at once: %j', (size, plan) => {
  expect(planParts(size, [s3, gcs, azure], 256 * MiB)).toEqual(plan);
});

test('a small memory limit keeps parts small', () => {
  expect(planParts(6 * GiB, [s3], 64 * MiB)).toEqual({ kind: 'parts', partSize: 16 * MiB });
  expect(planParts(6 * GiB, [s3], 16 * MiB)).toEqual({ kind: 'parts', partSize: defaultPartSize });
});

test('parts smaller than the usual are made where a target takes no others', () => {
  const tiny = place({ maxPutSize: MiB }, { max: 4 * MiB + 5 });
  expect(planParts(20 * MiB, [tiny, s3], 256 * MiB)).toBeUndefined();
  expect(planParts(20 * MiB, [tiny, gcs], 256 * MiB)).toEqual({ kind: 'parts', partSize: 4 * MiB });
});

const limits = fc.record({
  maxObjectSize: fc.constantFrom(100 * MiB, TiB, 50 * TiB),
  maxPutSize: fc.constantFrom(0, MiB, 5 * MiB, 5 * GiB),
  min: fc.constantFrom(0, 256 * KiB, 5 * MiB, 16 * MiB),
  max: fc.constantFrom(512 * KiB, 4 * MiB, 100 * MiB, 5 * GiB),
  multipleOf: fc.constantFrom(1, 3, KiB, 256 * KiB, 320 * KiB, MiB),
  maxCount: fc.constantFrom(3, 1000, 10_000, 50_000),
});

test('whatever is planned suits every target', () => {
  const size = fc.oneof(fc.nat(20 * MiB), fc.integer({ min: 0, max: 6 * TiB }));
  fc.assert(
    fc.property(size, fc.array(limits, { minLength: 1, maxLength: 4 }), (bytes, all) => {
      const plan = planParts(
        bytes,
        all.map(({ maxObjectSize, maxPutSize, ...part }) => place({ maxObjectSize, maxPutSize }, part)),
        256 * MiB,
      );
      if (plan === undefined) return;
      for (const { maxObjectSize, maxPutSize, min, max, multipleOf, maxCount } of all) {
        expect(bytes).toBeLessThanOrEqual(maxObjectSize);
        if (plan.kind === 'put') {
          expect(bytes).toBeLessThanOrEqual(maxPutSize);
          continue;
        }
        expect(plan.partSize).toBeGreaterThanOrEqual(Math.max(min, 1));
        expect(plan.partSize).toBeLessThanOrEqual(max);
        expect(plan.partSize % multipleOf).toBe(0);
        expect(Math.ceil(bytes / plan.partSize)).toBeLessThanOrEqual(maxCount);
      }
    }),
    { seed: printedSeed('part-size'), numRuns: 2000 },
  );
});
