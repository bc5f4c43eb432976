/** Versions that an object had before its present one, as a JSON array, oldest first: what a target may hold of it. */
export const sql = `
alter table objects add column past text;
`;
