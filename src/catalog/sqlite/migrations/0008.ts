/**
 * Uploads in parts under way, see `catalog/uploads.ts`.
 *
 * - They outlive their object, or nobody would throw them away: no reference to `objects`, and the key again.
 * - `key` is the one at the target.
 * - `checkpoint` is null until the provider is known to have begun it.
 * - `parts` and `prefix_sha256`: how far it got, in leading parts, and the digest of their bytes. One row however many
 *   parts: every one of them is proven by the digest that covers it.
 * - `claimed_until`: it is being thrown away; `token` grows with every such claim.
 */
export const sql = `
create table uploads (
  id integer primary key autoincrement,
  policy_id integer not null references policies,
  target_id integer not null references targets,
  object_id integer not null,
  key blob not null,
  version text not null,
  size integer not null,
  part_size integer not null,
  terms text not null,
  checkpoint text,
  parts integer not null default 0,
  prefix_sha256 blob,
  given_up integer not null default 0,
  started_at real not null,
  noted_at real not null,
  token integer not null default 0,
  claimed_until real
) strict;

create index uploads_object on uploads (object_id, target_id);
create index uploads_target on uploads (target_id, key);
`;
