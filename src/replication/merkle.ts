import { createHash } from 'node:crypto';

/**
 * The root of a Merkle tree as RFC 6962 builds it (section 2.1): a leaf is SHA-256 of a byte 0 and the entry, a node SHA-256
 * of a byte 1 and its two children; a level's last node that has no neighbour moves up as it is. Memory grows with the
 * logarithm of the entries.
 */
export class MerkleTree {
  /** Of complete subtrees, largest first: `sizes` are powers of two, strictly falling. */
  readonly #roots: { readonly size: number; readonly hash: Buffer }[] = [];

  add(entry: Uint8Array): void {
    let node = { size: 1, hash: hash(0, entry) };
    for (let last = this.#roots.at(-1); last?.size === node.size; last = this.#roots.at(-1)) {
      this.#roots.pop();
      node = { size: 2 * node.size, hash: hash(1, last.hash, node.hash) };
    }
    this.#roots.push(node);
  }

  /** Lower-case hex. Of no entries: the SHA-256 of nothing. */
  root(): string {
    const [last, ...larger] = this.#roots.toReversed();
    if (last === undefined) return createHash('sha256').digest('hex');
    return larger.reduce((right, { hash: left }) => hash(1, left, right), last.hash).toString('hex');
  }
}

function hash(kind: 0 | 1, ...data: readonly Uint8Array[]): Buffer {
  const whole = createHash('sha256').update(Buffer.of(kind));
  for (const each of data) whole.update(each);
  return whole.digest();
}
