import type { DrawRequest, DrillLedger, DrillNews, DrillResult, DrillState } from '../drills.ts';
import type { ObjectRow } from '../rows.ts';
import type { Ledger } from './ledger.ts';
import { readObjects } from './rows.ts';
import type { WriteQueue } from './write-queue.ts';

const idAt = (order: 'asc' | 'desc'): string =>
  `(select id from objects indexed by objects_policy where policy_id = ?1 order by id ${order} limit 1)`;

export const boundsSql = `select ${idAt('asc')} as first, ${idAt('desc')} as last`;

/** The object with the id, or the first one after it up to `?3`. */
export const drawSql = `select id from objects indexed by objects_policy
  where policy_id = ?1 and id between ?2 and ?3 order by id limit 1`;

export const verifiedSql = "select 1 from copies where object_id = ?1 and target_id = ?2 and state = 'verified'";

/** Reads at once, writes through the queue. */
export class SqliteDrills implements DrillLedger {
  readonly #ledger: Ledger;
  readonly #queue: WriteQueue;

  constructor(ledger: Ledger, queue: WriteQueue) {
    this.#ledger = ledger;
    this.#queue = queue;
  }

  async draw(policy: string, request: DrawRequest): Promise<readonly ObjectRow[]> {
    return this.#ledger.db.snapshot(() => draw(this.#ledger, policy, request));
  }

  begin(policy: string, target: string, restMs: number): Promise<boolean> {
    return this.#queue.run(1, () => begin(this.#ledger, policy, target, restMs));
  }

  note(policy: string, target: string, news: DrillNews): Promise<void> {
    return this.#queue.run(1, () => note(this.#ledger, policy, target, news));
  }

  async read(policy: string): Promise<readonly DrillState[]> {
    return read(this.#ledger, policy);
  }
}

/** The same object may come more than once, as its number may be drawn more than once. */
function draw(ledger: Ledger, policy: string, request: DrawRequest): readonly ObjectRow[] {
  const { db, names } = ledger;
  const policyId = names.policyId(policy);
  const target = names.targetsOf(policyId).find(({ name }) => name === request.target);
  const bounds = db.get<{ readonly first: number | null; readonly last: number | null }>(boundsSql, policyId);
  if (target === undefined || bounds === undefined || bounds.first === null || bounds.last === null) return [];
  const { first, last } = bounds;
  return request.draws.flatMap((draw) => {
    const id = first + Math.floor(draw * (last - first + 1));
    const drawn = db.get<{ readonly id: number }>(drawSql, policyId, id, request.exact ? id : last);
    if (drawn === undefined || db.get(verifiedSql, drawn.id, target.id) === undefined) return [];
    return readObjects(ledger, { sql: 'from objects o where o.id = ?', values: [drawn.id] });
  });
}

/** What a clock that was ahead noted keeps nobody waiting. */
const beginSql = `insert into drills (policy_id, target_id, first_at, begun_at) values (?1, ?2, ?3, ?3)
  on conflict (policy_id, target_id) do update set first_at = min(first_at, ?3), begun_at = ?3
  where begun_at <= ?3 - ?4 or begun_at > ?3 returning target_id`;

function begin(ledger: Ledger, policy: string, target: string, restMs: number): boolean {
  const ids = idsOf(ledger, policy, target);
  return ids !== undefined && ledger.db.get(beginSql, ...ids, ledger.now(), restMs) !== undefined;
}

const noteObstacle = 'update drills set obstacle = ?3 where policy_id = ?1 and target_id = ?2';

const noteResult = `update drills set obstacle = null, result = ?3, succeeded_at = coalesce(?4, succeeded_at)
  where policy_id = ?1 and target_id = ?2`;

function note(ledger: Ledger, policy: string, target: string, news: DrillNews): void {
  const ids = idsOf(ledger, policy, target);
  if (ids === undefined) return;
  if ('obstacle' in news) ledger.db.run(noteObstacle, ...ids, news.obstacle);
  else {
    const { result } = news;
    const succeededAt = result.failed === 0 ? result.at : null;
    ledger.db.run(noteResult, ...ids, JSON.stringify(result), succeededAt);
  }
}

interface Row {
  readonly target: string;
  readonly first_at: number;
  readonly begun_at: number;
  readonly obstacle: string | null;
  readonly succeeded_at: number | null;
  readonly result: string | null;
}

const readSql = `select t.name as target, d.first_at, d.begun_at, d.obstacle, d.succeeded_at, d.result
  from drills d join targets t on t.id = d.target_id where d.policy_id = ? order by t.name`;

function read({ db, names }: Ledger, policy: string): readonly DrillState[] {
  return db.all<Row>(readSql, names.policyId(policy)).map((row) => ({
    target: row.target,
    firstAt: row.first_at,
    begunAt: row.begun_at,
    obstacle: row.obstacle,
    succeededAt: row.succeeded_at,
    last: row.result === null ? null : (JSON.parse(row.result) as DrillResult),
  }));
}

/** Undefined for a target that left the policy. */
function idsOf({ names }: Ledger, policy: string, target: string): readonly [number, number] | undefined {
  const policyId = names.policyId(policy);
  const found = names.targetsOf(policyId).find(({ name }) => name === target);
  return found === undefined ? undefined : [policyId, found.id];
}
