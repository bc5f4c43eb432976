import type { Attributes } from '../../objects/object.ts';
import type { SelfPortrait } from '../description.ts';
import type { MetadataRules } from '../record.ts';
import { nativeHeaders, parseMetadata } from '../record.ts';
import type { Resource } from './resource.ts';

/** What Cloud Storage calls an object written without a content type; sent explicitly, so that no server guesses. */
const inventedContentType = 'application/octet-stream';

/**
 * Cloud Storage keeps 8 KiB of metadata and returns it as JSON, so values may be any text. Kept out of it are names
 * that the XML API or a download's response headers could not carry, and values that could not: control
 * characters, space around.
 */
export const rules: MetadataRules = {
  maxBytes: 8_192,
  faithful: (name, value) =>
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && name !== '__proto__' && value.isWellFormed() && isPlain(value),
  separator: '-',
  inventsContentType: true,
};

/** The content headers to write with an object. */
export function writtenHeaders(attributes: Attributes): Omit<Attributes, 'metadata'> & { contentType: string } {
  return { contentType: inventedContentType, ...nativeHeaders(attributes) };
}

/** What an object says of itself, before its description is fetched. */
export function selfPortrait(resource: Resource): SelfPortrait {
  const { metadata, record, descriptionId, noContentType } = parseMetadata(resource.metadata, rules);
  const { contentType, ...headers } = resource.headers;
  // Whoever set another content type since then meant it.
  const invented = noContentType === true && contentType === inventedContentType;
  return {
    attributes: { ...headers, ...(contentType === undefined || invented ? {} : { contentType }), metadata },
    ...(record === undefined ? {} : { record }),
    ...(descriptionId === undefined ? {} : { descriptionId }),
  };
}

function isPlain(value: string): boolean {
  return value.trim() === value && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value);
}
