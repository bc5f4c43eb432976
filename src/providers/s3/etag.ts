import { createHash } from 'node:crypto';

/**
 * The form of an ETag that is used as the version everywhere: without its quotes. Some servers quote it in
 * headers and not in listings.
 */
export function versionOf(etag: string): string {
  return etag.length >= 2 && etag.startsWith('"') && etag.endsWith('"') ? etag.slice(1, -1) : etag;
}

/** For `If-Match`. */
export function quoted(version: string): string {
  return `"${version}"`;
}

/** The ETag S3 gives an object written in parts: the MD5 of the parts' MD5s (hex), and their number. Undefined where one is not known. */
export function compositeEtag(md5s: readonly (string | undefined)[]): string | undefined {
  const hash = createHash('md5');
  for (const md5 of md5s) {
    if (md5 === undefined || !isMd5(md5)) return undefined;
    hash.update(md5, 'hex');
  }
  return `${hash.digest('hex')}-${md5s.length}`;
}

export function isMd5(version: string): boolean {
  return /^[0-9a-f]{32}$/.test(version);
}
