import type { Aged, AgePlace, OldestRequest, ScrubLoad } from '../scrub.ts';
import type { Ledger } from './ledger.ts';
import { readObjects } from './rows.ts';
import { isOverSql } from './set-back.ts';

const hourMs = 3_600_000;
const keptHours = 48;

const takeTurn = `update policies set scrub_owner = ?2, scrub_until = ?3
  where id = ?1 and (scrub_owner is null or scrub_owner = ?2 or ${isOverSql('scrub_until', '?4')}) returning id`;

/** @returns false while another owner has the turn. */
export function takeScrubTurn(ledger: Ledger, policy: string, owner: string, leaseMs: number): boolean {
  const now = ledger.now();
  return ledger.db.get(takeTurn, ledger.names.policyId(policy), owner, now + leaseMs, now) !== undefined;
}

interface OldestRow {
  readonly id: number;
  readonly at: number;
}

/** Per method, so that each is a walk along the index and no sort. */
export function oldestSql(when: 'past' | 'future'): string {
  return `select c.object_id as id, c.evidence_at as at
  from copies c indexed by copies_evidence cross join objects o on o.id = c.object_id
  where c.policy_id = ?1 and c.target_id = ?2 and c.evidence_method = ?3 and c.state = 'verified'
  and c.evidence_at ${when === 'past' ? '<=' : '>'} ?4 and ${isOverSql('o.lease_until', '?4')}
  and (c.evidence_at, c.object_id) > (?6, ?7)
  order by c.evidence_at, c.object_id limit ?5 + 0`;
}

export function oldestEvidence(ledger: Ledger, policy: string, request: OldestRequest): readonly Aged[] {
  const { targets, limit, most } = request;
  const policyId = ledger.names.policyId(policy);
  const wanted = ledger.names.targetsOf(policyId).filter(({ name }) => targets.includes(name));
  return wanted
    .flatMap(({ id, name }) =>
      oldestAt(ledger, policyId, id, limit, request.after?.get(name)).map((row) => ({ row, name })),
    )
    .filter(({ row, name }) => request.passesOver?.(row.id, name) !== true)
    .toSorted((a, b) => comparableAge(a.row.at, ledger.now()) - comparableAge(b.row.at, ledger.now()))
    .slice(0, most)
    .map(({ row, name }) => aged(ledger, row, name));
}

/** In front of all. */
const beginning: AgePlace = { at: Number.MIN_SAFE_INTEGER, objectId: 0 };

function oldestAt(
  ledger: Ledger,
  policyId: number,
  targetId: number,
  limit: number,
  after: AgePlace | undefined,
): readonly OldestRow[] {
  const now = ledger.now();
  const { at, objectId } = after ?? beginning;
  const by = (method: string, when: 'past' | 'future'): readonly OldestRow[] =>
    ledger.db.all<OldestRow>(oldestSql(when), policyId, targetId, method, now, limit, at, objectId);
  const ahead = after === undefined ? [by('attested', 'future'), by('read', 'future')] : [];
  return [...ahead, by('attested', 'past'), by('read', 'past')]
    .flat()
    .toSorted((a, b) => comparableAge(a.at, now) - comparableAge(b.at, now) || a.id - b.id)
    .slice(0, limit);
}

/** Evidence from the future was taken by a clock that was ahead: nobody knows how old it is, so it comes first. */
function comparableAge(at: number, now: number): number {
  return at > now ? 0 : at;
}

function aged(ledger: Ledger, { id, at }: OldestRow, target: string): Aged {
  const [object] = readObjects(ledger, { sql: 'from objects o where o.id = ?', values: [id] });
  if (object === undefined) throw new Error(`Object ${id} has copies and no row.`);
  return { object, target, at };
}

/** Looks at every copy: not for every minute. */
export function scrubLoad(ledger: Ledger, policy: string, targets: readonly string[]): ScrubLoad {
  const policyId = ledger.names.policyId(policy);
  const ids = ledger.names.targetsOf(policyId).filter(({ name }) => targets.includes(name));
  if (ids.length === 0) return { copies: 0, bytes: 0 };
  const sql = `select count(*) as copies, total(o.size) as bytes from copies c indexed by copies_evidence
    cross join objects o on o.id = c.object_id
    where c.policy_id = ? and c.state = 'verified' and c.target_id in (${ids.map(({ id }) => id).join(', ')})`;
  return ledger.db.get<ScrubLoad>(sql, policyId) ?? { copies: 0, bytes: 0 };
}

const addBytes = `insert into scrub_spending (policy_id, hour, bytes) values (?, ?, ?)
  on conflict (policy_id, hour) do update set bytes = bytes + excluded.bytes`;

/** Also of hours that a clock noted that was ahead: they are yet to come and would count then. */
const forgetOthers = 'delete from scrub_spending where policy_id = ? and hour not between ? and ?';

export function noteScrubbed(ledger: Ledger, policy: string, bytes: number): void {
  const policyId = ledger.names.policyId(policy);
  const hour = hourOf(ledger.now());
  ledger.db.run(addBytes, policyId, hour, bytes);
  ledger.db.run(forgetOthers, policyId, hour - keptHours, hour + keptHours);
}

export function scrubbedSince(ledger: Ledger, policy: string, since: number): number {
  const sql = 'select total(bytes) as bytes from scrub_spending where policy_id = ? and hour between ? and ?';
  const hours = [hourOf(since), hourOf(ledger.now())];
  return ledger.db.get<{ readonly bytes: number }>(sql, ledger.names.policyId(policy), ...hours)?.bytes ?? 0;
}

function hourOf(at: number): number {
  return Math.floor(at / hourMs);
}
