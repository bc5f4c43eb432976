/**
 * Counting without looking at every object: how many there are of each kind is kept up to date (see `tally.ts`).
 *
 * - `untallied`: objects to be tallied at the end of the transaction. Triggers note every object that is new, changed or
 *   removed. Copies have none (they would be half of the cost): see `tally.ts`.
 * - `tallied`: what the tallies have of each object. `copies` has each target's id and the first letter of its copy's state
 *   (`x`: deleted); `facts` is explained in `tally.ts`. `other_…`: the source's undecided new version.
 * - `copy_pace`: how fast a policy's copies were made lately, see `copy-pace.ts`.
 * - `copies_waiting` in place of `copies_unverified`: since the copies' states are tallied, only the oldest is asked for. The
 *   same is true of `objects_state`.
 */
export const sql = `
create table copy_pace (
  policy_id integer primary key references policies,
  copies integer not null,
  bytes integer not null,
  ms real not null,
  at real not null
) strict;

create table untallied (object_id integer primary key) strict;
insert into untallied select id from objects;

create table tallies (
  policy_id integer not null references policies,
  copies text not null,
  facts integer not null,
  objects integer not null,
  bytes integer not null,
  other_bytes integer not null,
  primary key (policy_id, copies, facts)
) strict, without rowid;

create table tallied (
  object_id integer primary key,
  policy_id integer not null,
  copies text not null,
  facts integer not null,
  size integer not null,
  modified_at real not null,
  other_size integer,
  other_modified_at real
) strict;

create index tallied_newest on tallied (policy_id, copies, facts, modified_at);
create index tallied_other on tallied (policy_id, other_modified_at) where other_modified_at is not null;

drop index objects_state;
drop index copies_unverified;
create index copies_waiting on copies (policy_id, target_id, pending_since) where pending_since is not null;

create trigger tally_object_new after insert on objects begin
  insert or ignore into untallied values (new.id);
end;
create trigger tally_object_gone after delete on objects begin
  insert or ignore into untallied values (old.id);
end;
create trigger tally_object after update of version, size, modified_at, state, sha256, source_damaged_at, damaged_version,
  observed_kind, observed_version, rejected_kind on objects
when old.version <> new.version or old.size <> new.size or old.modified_at <> new.modified_at or old.state <> new.state
  or (old.sha256 is null) <> (new.sha256 is null) or (old.source_damaged_at is null) <> (new.source_damaged_at is null)
  or old.damaged_version is not new.damaged_version or old.observed_kind is not new.observed_kind
  or old.observed_version is not new.observed_version or (old.rejected_kind is null) <> (new.rejected_kind is null)
begin
  insert or ignore into untallied values (new.id);
end;
`;
