/**
 * Integrity over time.
 *
 * - `copies_evidence` by method, so that the age of the oldest evidence of each method is one look into the index, and
 *   the oldest of all is the first of two.
 * - `recorded`: whether the copy carries Holdfast's own record, so that a copy that lost it (or its metadata) can be told
 *   from one that never had any (found in place and adopted). Null: unknown.
 * - `gone_at`: when it was decided that the object is gone; deletes wait from then on.
 * - `rejected_*`: a change at the source that a person rejected: the copies stay, and it is not held again.
 * - `damaged_version`: the version at the source whose bytes were read as damaged, where that is not the row's own.
 * - `provisional`: the digest is what the copies agreed upon while the source did not have the object.
 * - `decisions`: who released or rejected which hold.
 * - `scrub_spending`: bytes read by the scrub per hour since the epoch, so that a restart does not renew the budget.
 */
export const sql = `
drop index copies_evidence;
create index copies_evidence on copies (policy_id, target_id, evidence_method, evidence_at) where state = 'verified';

alter table copies add column recorded integer;
update copies set recorded = 1 where first_event = 'copied' or exists (select 1 from history h
  where h.object_id = copies.object_id and h.target_id = copies.target_id and h.event in ('copied', 'repaired'));

alter table objects add column gone_at real;
update objects set gone_at = updated_at where state = 'gone';
create index objects_gone on objects (policy_id, gone_at) where state = 'gone';

alter table objects add column rejected_kind text check (rejected_kind in ('overwritten', 'vanished'));
alter table objects add column rejected_version text;
create index objects_rejected on objects (policy_id) where rejected_kind is not null;

alter table objects add column damaged_version text;
alter table objects add column provisional integer;
create index objects_damaged on objects (policy_id) where source_damaged_at is not null;

create table decisions (
  id integer primary key,
  policy_id integer not null references policies,
  at real not null,
  decision text not null check (decision in ('released', 'rejected')),
  by text not null,
  hold text not null
) strict;
create index decisions_policy on decisions (policy_id, id);

alter table policies add column scrub_owner text;
alter table policies add column scrub_until real;
create table scrub_spending (
  policy_id integer not null references policies,
  hour integer not null,
  bytes integer not null,
  primary key (policy_id, hour)
) strict, without rowid;
`;
