/**
 * The first schema.
 *
 * - Keys are blobs, so that SQLite's order is byte order.
 * - Times are milliseconds since the epoch; `real`, because a file system's or a backoff's may have a fraction.
 * - The lease and its fencing token are the object's: one claim covers all its copies. `autoincrement`, because an
 *   id that came again would bring its tokens again.
 * - `due_at` is null exactly for verified copies, so `copies_due` and `copies_unverified` hold only what is left
 *   to do; every object has one copy row per target of its policy, so what they do not hold is verified.
 * - Digests are blobs of 32 bytes.
 */
export const sql = `
create table policies (
  id integer primary key,
  name text not null unique,
  source text not null,
  min_copies integer not null,
  configured integer not null,
  source_identity text,
  last_pass text,
  last_complete_pass_at real,
  hold text
) strict;

create table targets (
  id integer primary key,
  name text not null unique
) strict;

create table providers (
  name text primary key,
  state text not null,
  last_error text,
  at real not null
) strict, without rowid;

create table policy_targets (
  policy_id integer not null references policies,
  target_id integer not null references targets,
  primary key (policy_id, target_id)
) strict, without rowid;

create table objects (
  id integer primary key autoincrement,
  policy_id integer not null references policies,
  key blob not null,
  size integer not null,
  version text not null,
  modified_at real not null,
  state text not null default 'present' check (state in ('present', 'gone')),
  sha256 blob,
  checksums text,
  attributes text,
  source_damaged_at real,
  observed_kind text check (observed_kind in ('overwritten', 'vanished')),
  observed_version text,
  observed_size integer,
  observed_modified_at real,
  lease_owner text,
  lease_token integer not null default 0,
  lease_until real,
  updated_at real not null
) strict;

create unique index objects_key on objects (policy_id, key);
create index objects_state on objects (policy_id, state, size);
create index objects_observed on objects (policy_id, key) where observed_kind is not null;
create index objects_leased on objects (policy_id, lease_until) where lease_until is not null;

create table copies (
  object_id integer not null references objects on delete cascade,
  target_id integer not null references targets,
  policy_id integer not null references policies,
  state text not null check (state in ('pending', 'unproven', 'verified', 'damaged', 'failed')),
  version text,
  evidence_method text,
  evidence_sha256 blob,
  evidence_by text,
  evidence_at real,
  due_at real,
  attempts integer not null default 0,
  error_code text,
  error_message text,
  pending_since real,
  updated_at real not null,
  primary key (object_id, target_id),
  check ((state = 'verified') = (due_at is null)),
  check (state <> 'verified' or (version is not null and evidence_sha256 is not null and evidence_method in ('attested', 'read')))
) strict, without rowid;

create index copies_due on copies (policy_id, target_id, due_at) where due_at is not null;
create index copies_unverified on copies (policy_id, object_id, target_id, state, pending_since) where due_at is not null;
create index copies_evidence on copies (policy_id, target_id, evidence_at) where state = 'verified';

create table history (
  id integer primary key,
  object_id integer not null references objects on delete cascade,
  target_id integer references targets,
  at real not null,
  event text not null,
  detail text not null
) strict;

create index history_object on history (object_id);

-- Keeps an object's newest hundred entries or a few more: looking at every sixteenth insertion is enough.
create trigger history_trim after insert on history when new.id % 16 = 0 begin
  delete from history where object_id = new.object_id and id <=
    (select id from history where object_id = new.object_id order by id desc limit 1 offset 100);
end;
`;
