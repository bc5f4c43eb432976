import type { ChecksumAlgorithm } from './checksum.ts';

/**
 * How we know what a copy holds, weakest first.
 * - `claimed`: something looks right (a size, an ETag, a digest written in metadata). Never enough.
 * - `attested`: the provider itself checked or recomputed a checksum over every byte it stored, and it equals
 *   what we computed from the bytes we read.
 * - `read`: we read the copy back and hashed it.
 */
export type EvidenceMethod = 'claimed' | 'attested' | 'read';

/** What a provider checked: one checksum over the whole object, or one over each of its parts. */
export type Attestation = ChecksumAlgorithm | `${ChecksumAlgorithm} of every part`;

export interface Evidence {
  readonly method: EvidenceMethod;
  /** SHA-256 (hex) of the bytes this evidence vouches for. */
  readonly sha256: string;
  /** What carried the proof: the provider's attestation, or `sha256` when we read the copy. */
  readonly by: Attestation;
  /** When, in milliseconds since the epoch. */
  readonly at: number;
}
