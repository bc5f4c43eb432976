import { UsageError } from '../../objects/errors.ts';
import type { Database } from './database.ts';

export interface Target {
  readonly id: number;
  readonly name: string;
}

/**
 * The names of policies and targets and their ids. No row of theirs is ever removed, so what was read stays true,
 * unless the transaction it was read in is rolled back.
 */
export class Names {
  readonly #db: Database;
  readonly #policies = new Map<string, number>();
  readonly #targets = new Map<number, string>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** @throws UsageError for a policy that `syncPolicies` never saw. */
  policyId(name: string): number {
    const id = this.#policies.get(name) ?? this.#readPolicyId(name);
    this.#policies.set(name, id);
    return id;
  }

  targetName(id: number): string {
    const name = this.#targets.get(id) ?? this.#readTargetName(id);
    this.#targets.set(id, name);
    return name;
  }

  /** The targets of a policy as they are now: another process may have changed them. */
  targetsOf(policyId: number): readonly Target[] {
    const sql = `select t.id, t.name from policy_targets p join targets t on t.id = p.target_id
      where p.policy_id = ? order by t.id`;
    return this.#db.all<Target>(sql, policyId);
  }

  forget(): void {
    this.#policies.clear();
    this.#targets.clear();
  }

  #readPolicyId(name: string): number {
    const row = this.#db.get<{ readonly id: number }>('select id from policies where name = ?', name);
    if (row === undefined) throw new UsageError(`The catalog ${this.#db.path} has no policy "${name}".`);
    return row.id;
  }

  #readTargetName(id: number): string {
    const row = this.#db.get<{ readonly name: string }>('select name from targets where id = ?', id);
    if (row === undefined) throw new Error(`The catalog ${this.#db.path} has no target with the id ${id}.`);
    return row.name;
  }
}
