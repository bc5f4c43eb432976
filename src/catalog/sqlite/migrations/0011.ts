/** The SHA-256 that what the source was observed to have was compared with and found not to have. */
export const sql = `
alter table objects add column observed_unlike blob;
`;
