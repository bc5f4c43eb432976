import type { Ledger } from './ledger.ts';
import type { Selection } from './selection.ts';
import { rememberLater } from './past.ts';
import { isOverSql } from './set-back.ts';

/** Some target was proven to hold the row's version. */
const heldSql = 'exists (select 1 from copies c where c.object_id = o.id and c.evidence_sha256 = o.sha256)';

/** Of an object that takes another version: what it was keeps in mind while some target is known to have that. */
export const rememberFormer = `former = case when ${heldSql} then json_object('version', o.version, 'size', o.size,
  'modified_at', o.modified_at, 'sha256', hex(o.sha256), 'checksums', json(o.checksums), 'attributes', json(o.attributes))
  else o.former end`;

/** Went with a version that no target ever had, while its former one is held. */
const wentUncopiedSql = `((o.observed_kind = 'vanished' or o.state = 'gone') and o.former is not null and not ${heldSql})`;

const ofFormer = (name: string): string => `json_extract(o.former, '$.${name}')`;

const event = `'former', 'version ' || o.version || ' went before it was copied; what is kept is version ' || ${ofFormer('version')}`;

const copiesSql = `update copies set state = 'unproven', due_at = ?1, attempts = 0, error_code = null, error_message = null,
  updated_at = ?1 where version is not null and object_id in`;

const becomeFormer = `version = ${ofFormer('version')}, size = ${ofFormer('size')}, modified_at = ${ofFormer('modified_at')},
  sha256 = unhex(${ofFormer('sha256')}), checksums = ${ofFormer('checksums')}, attributes = ${ofFormer('attributes')},
  source_damaged_at = null, damaged_version = null, provisional = null, former = null, ${rememberLater}, updated_at = ?1`;

/**
 * A version that came and went between two looks, before any of it was copied, is not lost: nobody could have kept it. The
 * object becomes what the targets hold of it, to be read once more. While somebody works on it, it waits for the end of the
 * lease: they may have read it in time.
 */
export function returnToFormer(ledger: Ledger, { from, where, values }: Selection): void {
  const these = `from ${from} where ${isOverSql('o.lease_until', '?1')} and ${where} and ${wentUncopiedSql}`;
  const now = ledger.now();
  ledger.db.run(
    `insert into history (object_id, target_id, at, event, detail) select o.id, null, ?1, ${event} ${these}`,
    now,
    ...values,
  );
  ledger.db.run(`${copiesSql} (select o.id ${these})`, now, ...values);
  ledger.db.run(
    `update ${from} set ${becomeFormer} where ${isOverSql('o.lease_until', '?1')} and ${where} and ${wentUncopiedSql}`,
    now,
    ...values,
  );
}
