/** The form of an ETag that is used as the version everywhere: headers carry it in quotes, some listings without. */
export function versionOf(etag: string): string {
  return etag.replace(/^(W\/)?"(.*)"$/, '$2');
}

/** For `If-Match`. */
export function quoted(version: string): string {
  return `"${version}"`;
}
