/**
 * Versions that were replaced at a target and are kept there for a while, see `catalog/kept.ts`.
 *
 * - By key and not by object, because they outlive it: no reference to `objects`.
 * - `place`: the reserved key where `kept_by` is `holdfast`, the provider's own id where it is `provider`.
 * - `evidence_at` is null until the version is known to be kept.
 * - `claimed_until`: it is being deleted; `token` grows with every claim and every note.
 */
export const sql = `
create table kept (
  id integer primary key autoincrement,
  policy_id integer not null references policies,
  target_id integer not null references targets,
  key blob not null,
  kept_by text not null check (kept_by in ('holdfast', 'provider')),
  place text not null,
  version text,
  size integer not null,
  sha256 blob not null,
  attributes text not null,
  source_version text,
  modified_at real,
  replaced_at real not null,
  expires_at real not null,
  evidence_method text,
  evidence_by text,
  evidence_at real,
  token integer not null default 0,
  claimed_until real,
  unique (policy_id, key, target_id, kept_by, place)
) strict;

create index kept_expiry on kept (policy_id, expires_at);
`;
