import { createHash, createHmac, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openSha256 } from '../../../src/providers/s3/sha256.ts';

const text = Buffer.from('what is signed');

async function hexOf(hash: { update(bytes: Uint8Array): void; digest(): Promise<Uint8Array> }): Promise<string> {
  hash.update(text);
  return Buffer.from(await hash.digest()).toString('hex');
}

test('without a secret it is the SHA-256 of what it was given', async () => {
  const Sha256 = openSha256();
  const hash = new Sha256();
  const expected = createHash('sha256').update(text).digest('hex');
  expect(await hexOf(hash)).toBe(expected);
  hash.reset();
  expect(await hexOf(hash)).toBe(expected);
});

test('with a secret it is its HMAC, whatever the secret came in, and however many others there are', async () => {
  const Sha256 = openSha256();
  const secrets = Array.from({ length: 40 }, () => randomBytes(32));
  for (const secret of [...secrets, ...secrets, Buffer.alloc(0), randomBytes(100)]) {
    const expected = createHmac('sha256', secret).update(text).digest('hex');
    const within = new Uint8Array([1, ...secret, 2]).subarray(1, -1);
    const own = Uint8Array.from(secret);
    for (const given of [secret, within, own, own.buffer]) expect(await hexOf(new Sha256(given))).toBe(expected);
  }
  for (const secret of ['wJalrXUtnFEMI/K7MDENG', 'é\u{1f511}']) {
    const hash = new Sha256(secret);
    const expected = createHmac('sha256', secret).update(text).digest('hex');
    expect(await hexOf(hash)).toBe(expected);
    hash.reset();
    expect(await hexOf(hash)).toBe(expected);
  }
});
