import type { Capabilities, ProviderLimits } from '../provider.ts';

/** What is known of the server behind the endpoint: proven by the probe, or assumed of a source. */
export interface ServerFacts {
  readonly putAttestation?: 'crc32c' | 'md5' | 'sha256';
  readonly uploadAttestation?: 'crc32c' | 'md5 of every part';
  /** Whether parts may be sent with `UNSIGNED-PAYLOAD`, their own checksum covering the bytes instead. */
  readonly unsignedParts: boolean;
  readonly conditionalWrites: boolean;
  readonly conditionalDeletes: boolean;
  /** What an overwrite replaced was read back by its version id. */
  readonly keepsReplaced: boolean;
  readonly listing: 'ordered' | 'unordered';
  /** A listing that was to start after a key did. */
  readonly listsAfter: boolean;
  readonly keys: KeyFacts;
  /** False for a source: nothing was proven, and what it reports is passed on. */
  readonly probed: boolean;
}

/** How the server treats keys that mean something to a file system or to XML. */
export interface KeyFacts {
  /** It stores `a//b` or `a/../b` under another key. */
  readonly foldsPaths: boolean;
  /** It holds bytes under a key that ends in `/`. */
  readonly holdsTrailingSlash: boolean;
  /** It holds more than 255 bytes between two slashes. */
  readonly holdsLongNames: boolean;
  /** It url-encodes keys in listings when asked; else those that XML cannot carry come back as other keys. */
  readonly encodesListing: boolean;
}

export const unrestrictedKeys: KeyFacts = {
  foldsPaths: false,
  holdsTrailingSlash: true,
  holdsLongNames: true,
  encodesListing: true,
};

const kib = 1024;
const gib = kib ** 3;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html; the S3-compatible servers share all but the first. */
const limits: ProviderLimits = {
  maxObjectSize: 10_000 * 5 * gib,
  maxPutSize: 5 * gib,
  part: { min: 5 * kib ** 2, max: 5 * gib, multipleOf: 1, maxCount: 10_000, order: 'any' },
};

export function capabilitiesOf(facts: ServerFacts): Capabilities {
  const { putAttestation: put, uploadAttestation: upload } = facts;
  return {
    listing: facts.listing,
    listsAfter: facts.listsAfter,
    attests: { ...(put === undefined ? {} : { put }), ...(upload === undefined ? {} : { upload }) },
    wants: {
      put: put === 'crc32c' || put === 'md5' ? [put] : [],
      part: upload === undefined ? [] : [upload === 'crc32c' ? 'crc32c' : 'md5'],
      upload: upload === 'crc32c' ? ['crc32c'] : [],
    },
    conditionalWrites: facts.conditionalWrites,
    conditionalDeletes: facts.conditionalDeletes,
    keepsReplaced: facts.keepsReplaced,
    parallelReads: 4,
    limits,
  };
}
