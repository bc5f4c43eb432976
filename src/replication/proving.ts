import type { CopyRow, ObjectRow } from '../catalog/rows.ts';
import type { Digest } from '../objects/checksum.ts';
import type { Attributes } from '../objects/object.ts';
import { prove, type Proof, type ProveOptions } from './prove.ts';
import type { Site } from './site.ts';

/** What an object is. */
export interface Known {
  readonly digest: Digest;
  readonly attributes: Attributes;
}

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

/**
 * None of these was right: the one that could have been may be among those that could not be had.
 * @returns undefined when all were had. @throws what one of them threw.
 */
export function whatStaysOpen(proofs: readonly Proven[]): readonly Proven[] | undefined {
  const unanswered = proofs.flatMap(([, proof]) => ('error' in proof ? [proof] : []));
  const [first] = unanswered;
  if (first === undefined) return undefined;
  // What some of them hold must not be judged before the others were heard.
  if (unanswered.length < proofs.length) throw first.error;
  return proofs;
}
