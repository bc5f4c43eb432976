import type { Capabilities, ProviderLimits } from '../provider.ts';
import type { ListingTraits } from './listing.ts';
import type { Findings } from './probe.ts';
import type { Reports } from './writing.ts';

const KiB = 2 ** 10;
const GiB = 2 ** 30;
const TiB = 2 ** 40;

/** cloud.google.com/storage/quotas#objects; chunks of a resumable upload are multiples of 256 KiB, in one stream. */
const limits: ProviderLimits = {
  maxObjectSize: 5 * TiB,
  maxPutSize: 5 * GiB,
  part: {
    ...{ min: 256 * KiB, max: 5 * GiB, multipleOf: 256 * KiB },
    maxCount: (5 * TiB) / (256 * KiB),
    order: 'sequential',
  },
};

/** Without findings nothing was probed: a source. What Cloud Storage documents then has to do. */
export function capabilitiesOf(findings: Findings | undefined, sourceStartsAt: boolean): Capabilities {
  const { put, upload } = reportsOf(findings);
  const { ordered, startsAt } = traitsOf(findings, sourceStartsAt);
  return {
    listing: ordered ? 'ordered' : 'unordered',
    listsAfter: ordered && startsAt,
    attests: { ...(put.proof && { put: 'crc32c' }), ...(upload.proof && { upload: 'crc32c' }) },
    wants: { put: ['crc32c'], part: [], upload: ['crc32c'] },
    conditionalWrites: findings?.conditionalWrites ?? true,
    conditionalDeletes: findings?.conditionalDeletes ?? true,
    keepsReplaced: findings?.keepsReplaced ?? false,
    parallelReads: 4,
    limits,
  };
}

/** @param sourceStartsAt what a source showed of where its listings begin. */
export function traitsOf(findings: Findings | undefined, sourceStartsAt: boolean): ListingTraits {
  if (findings === undefined) return { ordered: true, startsAt: sourceStartsAt, trusted: { crc32c: true, md5: true } };
  const { ordered, startsAt, computes, provesPut, provesUpload } = findings;
  // A field that merely repeats what a writer claimed is worth nothing, wherever else it may be right.
  return { ordered, startsAt, trusted: { crc32c: computes.crc32c && provesPut && provesUpload, md5: computes.md5 } };
}

export function reportsOf(findings: Findings | undefined): { readonly put: Reports; readonly upload: Reports } {
  if (findings === undefined) {
    const unknown = { comparable: true, proof: false };
    return { put: unknown, upload: unknown };
  }
  const { provesPut, provesUpload, computes } = findings;
  return {
    put: { comparable: provesPut || computes.crc32c, proof: provesPut },
    upload: { comparable: provesUpload || computes.crc32c, proof: provesUpload },
  };
}
