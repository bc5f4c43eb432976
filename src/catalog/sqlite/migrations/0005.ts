/**
 * What an object was before its present version, as JSON (version, size, modified_at, sha256, checksums, attributes): kept
 * while targets are known to hold that.
 */
export const sql = `
alter table objects add column former text;
`;
