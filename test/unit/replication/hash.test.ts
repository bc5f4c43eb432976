import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChecksumAlgorithm } from '../../../src/objects/checksum.ts';
import { checksumsOf, digestOf, Hasher } from '../../../src/replication/hash.ts';
import { printedSeed } from '../../support/seed.ts';

const all: ChecksumAlgorithm[] = ['sha256', 'crc32c', 'crc64nvme', 'md5'];

test('known answers', async () => {
  expect(await digestOf(Buffer.from('123456789'), all)).toEqual({
    sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
    crc32c: 'e3069283',
    crc64nvme: 'ae8b14860a799888',
    md5: '25f9e794323b453885f5181f1b624d0b',
  });
  expect(await digestOf(Buffer.of(), all)).toEqual({
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    crc32c: '00000000',
    crc64nvme: '0000000000000000',
    md5: 'd41d8cd98f00b204e9800998ecf8427e',
  });
});

test('only what is asked for is computed, and SHA-256 of an object always', async () => {
  const bytes = Buffer.from('123456789');
  expect(Object.keys(await digestOf(bytes, []))).toEqual(['sha256']);
  expect(await checksumsOf(bytes, [])).toEqual({});
  expect(await checksumsOf(bytes, ['crc32c'])).toEqual({ crc32c: 'e3069283' });
  expect(await checksumsOf(bytes, ['md5', 'sha256'])).toEqual(await digestOf(bytes, ['md5']));
});

test('how the bytes are cut makes no difference', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(chunks, async (pieces) => {
      const hasher = await Hasher.create(all);
      for (const piece of pieces) hasher.update(piece);
      const whole = Buffer.concat(pieces);
      expect(hasher.digest()).toEqual(await digestOf(whole, all));
      expect(await checksumsOf(whole, ['crc32c', 'crc64nvme', 'md5'])).toEqual(
        await digestOf(whole, all).then(({ sha256: _, ...rest }) => rest),
      );
    }),
    { seed: printedSeed('hash'), numRuns: 50 },
  );
});
