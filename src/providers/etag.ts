/** The form of an ETag that is used as the version everywhere: headers carry it in quotes, some listings without. */
export function versionOf(etag: string): string {
  // The usual case without a regular expression: listings have millions.
  if (etag.charCodeAt(0) !== quote) return etag.startsWith('W/"') ? etag.replace(/^W\/"(.*)"$/s, '$1') : etag;
  return etag.length > 1 && etag.charCodeAt(etag.length - 1) === quote ? etag.slice(1, -1) : etag;
}

const quote = 0x22;

/** For `If-Match`. */
export function quoted(version: string): string {
  return `"${version}"`;
}
