import type { BlobHTTPHeaders } from '@azure/storage-blob';
import type { Attributes } from '../../objects/object.ts';
import type { SelfPortrait } from '../description.ts';
import type { MetadataRules } from '../record.ts';
import { isHeaderValue, nativeHeaders, parseMetadata } from '../record.ts';

/** What Azure calls a blob written without a content type. Sent explicitly, so that no server guesses. */
const inventedContentType = 'application/octet-stream';

/**
 * Azure takes 8 KB of names and values (learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources);
 * a margin is left for what else it may count. Names are C# identifiers and travel as HTTP headers, which come back in
 * lower case. Values: printable ASCII; two spaces in a row would be one in the signed text, and an empty value is
 * dropped by the SDK.
 */
export const rules: MetadataRules = {
  maxBytes: 7_936,
  faithful: (name, value) =>
    /^[a-z_][a-z0-9_]*$/.test(name) &&
    name !== '__proto__' &&
    !keywords.has(name) &&
    isHeaderValue(value) &&
    !value.includes('  '),
  separator: '_',
  inventsContentType: true,
};

/** No identifiers in C#; whether Azure takes them as names is not documented. */
const keywords: ReadonlySet<string> = new Set(
  (
    'abstract as base bool break byte case catch char checked class const continue decimal default delegate do double ' +
    'else enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal ' +
    'is lock long namespace new null object operator out override params private protected public readonly ref return ' +
    'sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked ' +
    'unsafe ushort using virtual void volatile while'
  ).split(' '),
);

export function writtenHeaders(attributes: Attributes): BlobHTTPHeaders {
  const { contentType, cacheControl, contentEncoding, contentDisposition, contentLanguage } = nativeHeaders(attributes);
  return {
    blobContentType: contentType ?? inventedContentType,
    ...(cacheControl === undefined ? {} : { blobCacheControl: cacheControl }),
    ...(contentEncoding === undefined ? {} : { blobContentEncoding: contentEncoding }),
    ...(contentDisposition === undefined ? {} : { blobContentDisposition: contentDisposition }),
    ...(contentLanguage === undefined ? {} : { blobContentLanguage: contentLanguage }),
  };
}

/** The headers of HEAD and GET that describe a blob, as the SDK names them. */
export interface BlobHeaders {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly metadata?: Record<string, string>;
}

/** What a blob says of itself, before its description is fetched. */
export function selfPortrait(headers: BlobHeaders): SelfPortrait {
  const { metadata, record, descriptionId, noContentType } = parseMetadata(headers.metadata ?? {}, rules);
  const { contentType, cacheControl, contentEncoding, contentDisposition, contentLanguage } = headers;
  // Whoever set another content type since then meant it.
  const invented = noContentType === true && contentType === inventedContentType;
  const shown = {
    ...(invented ? {} : { contentType }),
    ...{ cacheControl, contentEncoding, contentDisposition, contentLanguage },
  };
  return {
    attributes: { ...present(shown), metadata },
    ...(record === undefined ? {} : { record }),
    ...(descriptionId === undefined ? {} : { descriptionId }),
  };
}

function present(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = Object.entries(headers).filter((entry): entry is [string, string] => isSet(entry[1]));
  return Object.fromEntries(given);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
