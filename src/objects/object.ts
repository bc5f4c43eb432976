import type { Checksums } from './checksum.ts';
import type { Key } from './key.ts';

/** What a listing says of one object. */
export interface ObjectInfo {
  readonly key: Key;
  /** Bytes, as stored. */
  readonly size: number;
  /** The provider's name for exactly these bytes: an ETag, a generation, size and times. Opaque; compare for equality. */
  readonly version: string;
  /** Last modification, milliseconds since the epoch. */
  readonly modifiedAt: number;
  /**
   * Full-object checksums that the provider itself computed or checked over the stored bytes. Absent means
   * unknown, neither a match nor a mismatch; a value the provider only stores for its client is left out.
   */
  readonly checksums?: Checksums;
}

/** What travels with an object besides its bytes. */
export interface Attributes {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  /** User metadata. Names as the source spells them. */
  readonly metadata: Readonly<Record<string, string>>;
}

export const noAttributes: Attributes = Object.freeze({ metadata: Object.freeze({}) });

const contentFields = [
  'contentType',
  'cacheControl',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
] as const satisfies readonly (keyof Attributes)[];

/** @returns the first attribute that differs, as it is called in `Attributes` (`metadata.<name>`); undefined when none does. */
export function differingAttribute(a: Attributes, b: Attributes): string | undefined {
  const field = contentFields.find((name) => a[name] !== b[name]);
  if (field !== undefined) return field;
  const names = [...Object.keys(a.metadata), ...Object.keys(b.metadata)];
  const differing = names.find((name) => ownValue(a.metadata, name) !== ownValue(b.metadata, name));
  return differing === undefined ? undefined : `metadata.${differing}`;
}

function ownValue(values: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/**
 * What a copy says of itself in its provider's metadata: enough to rebuild the catalog from the copy alone.
 * It is a claim, no evidence: anybody who can write the object can write this.
 */
export interface CopyRecord {
  readonly sha256: string;
  readonly size: number;
  readonly sourceVersion: string;
  /** Milliseconds since the epoch. */
  readonly sourceModifiedAt: number;
  /** Checksums of the source's bytes that a provider can attest, so that a listing or HEAD can prove the copy later. */
  readonly checksums: Checksums;
}

/** What a HEAD (or the headers of a read) says of one object. */
export interface ObjectHead extends ObjectInfo {
  /** As the source had them: for a copy of ours this includes what the provider cannot hold natively. */
  readonly attributes: Attributes;
  /** The provider's own name for these bytes, by which they stay readable once they were replaced. */
  readonly versionId?: string;
  /** Present on copies that Holdfast wrote and whose record is whole. */
  readonly record?: CopyRecord;
}
