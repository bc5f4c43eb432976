import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { MerkleTree } from '../../../src/replication/merkle.ts';

/** The entries that the implementations of Certificate Transparency are tested with. */
const entries = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];

test.each([
  [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
])('the root of %i known entries', (count, root) => {
  expect(rootOf(entries.slice(0, count).map((entry) => Buffer.from(entry, 'hex')))).toBe(root);
});

test('is what RFC 6962 defines, for any number of entries', () => {
  const many = Array.from({ length: 70 }, (_, index) => Buffer.from(`entry ${index}`));
  for (let count = 1; count <= many.length; count += 1) {
    const some = many.slice(0, count);
    expect(rootOf(some)).toBe(defined(some).toString('hex'));
  }
});

function rootOf(of: readonly Buffer[]): string {
  const tree = new MerkleTree();
  for (const entry of of) tree.add(entry);
  return tree.root();
}

/** MTH of section 2.1, word by word. */
function defined(of: readonly Buffer[]): Buffer {
  const [only, another] = of;
  if (only !== undefined && another === undefined) return sha256(Buffer.of(0), only);
  let k = 1;
  while (2 * k < of.length) k *= 2;
  return sha256(Buffer.of(1), defined(of.slice(0, k)), defined(of.slice(k)));
}

function sha256(...data: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(data)).digest();
}
