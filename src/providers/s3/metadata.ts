import type { Attributes } from '../../objects/object.ts';
import { isHeaderValue, nativeHeaders } from '../record.ts';
import type { MetadataRules } from '../record.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html: 2 KB, names come back in lower case. */
export const rules: MetadataRules = {
  maxBytes: 2048,
  separator: '-',
  inventsContentType: true,
  // S3 returns other values as RFC 2047, and `=?` may be taken for it.
  faithful: (name, value) => faithfulName.test(name) && isHeaderValue(value) && !value.includes('=?'),
};

/** Proxies drop names with an underscore, and a dot is no sure thing either. */
const faithfulName = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** What AWS calls an object without a type. Sent explicitly: the SDK would say `application/octet-stream`. */
const untyped = 'binary/octet-stream';

export interface ContentHeaders {
  readonly ContentType?: string | undefined;
  readonly CacheControl?: string | undefined;
  readonly ContentEncoding?: string | undefined;
  readonly ContentDisposition?: string | undefined;
  readonly ContentLanguage?: string | undefined;
}

type SentHeaders = { readonly ContentType: string } & { readonly [Name in keyof ContentHeaders]: string };

export function toContentHeaders(attributes: Attributes): SentHeaders {
  const { contentType, cacheControl, contentEncoding, contentDisposition, contentLanguage } = nativeHeaders(attributes);
  return {
    ContentType: contentType ?? untyped,
    ...(cacheControl === undefined ? {} : { CacheControl: cacheControl }),
    ...(contentEncoding === undefined ? {} : { ContentEncoding: contentEncoding }),
    ...(contentDisposition === undefined ? {} : { ContentDisposition: contentDisposition }),
    ...(contentLanguage === undefined ? {} : { ContentLanguage: contentLanguage }),
  };
}

export function fromContentHeaders(headers: ContentHeaders): Omit<Attributes, 'metadata'> {
  const { ContentType, CacheControl, ContentEncoding, ContentDisposition, ContentLanguage } = headers;
  return {
    ...(isSet(ContentType) ? { contentType: ContentType } : {}),
    ...(isSet(CacheControl) ? { cacheControl: CacheControl } : {}),
    ...(isSet(ContentEncoding) ? { contentEncoding: ContentEncoding } : {}),
    ...(isSet(ContentDisposition) ? { contentDisposition: ContentDisposition } : {}),
    ...(isSet(ContentLanguage) ? { contentLanguage: ContentLanguage } : {}),
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
