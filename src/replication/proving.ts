import type { CopyRow, ObjectRow } from '../catalog/rows.ts';
import type { Digest } from '../objects/checksum.ts';
import { prove, type Proof, type ProveOptions } from './prove.ts';
import type { Site } from './site.ts';

/** A proof that could not be had. */
export interface Unanswered {
  readonly error: unknown;
}

export type Proven = readonly [CopyRow, Proof | Unanswered];

/** Proves copies of one object side by side; `options.method` is what a copy needs of which nothing is known yet. */
export async function proveAll(
  copies: readonly CopyRow[],
  { key, size }: ObjectRow,
  digest: Digest,
  siteOf: (target: string) => Site,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<readonly Proven[]> {
  return await Promise.all(
    copies.map(async (copy): Promise<Proven> => {
      // Evidence that is still there says: the copy is known, and somebody asked for it to be read.
      const method = copy.evidence === null ? options.method : 'read';
      try {
        const { provider } = siteOf(copy.target);
        return [copy, await prove(provider, key, { size, digest }, { ...options, method }, signal)];
      } catch (error) {
        return [copy, { error }];
      }
    }),
  );
}
