import { createHash } from 'node:crypto';

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
