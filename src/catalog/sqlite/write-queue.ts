import { systemClock, type Clock } from '../../objects/clock.ts';
import { CatalogError } from '../errors.ts';
import type { Outlast } from '../outlast.ts';
import type { Database } from './database.ts';
import { assertSchema } from './migrate.ts';

/** Work (settlements, findings) in one transaction: enough to share its fsync, little enough to let the event loop breathe. */
const maxWeight = 256;

/**
 * How long (ms) a write may wait for company: every COMMIT costs an fsync, during which the event loop stands still.
 * Waiting is free for whoever works on many objects at once.
 */
const gatherFor = 8;

/** Enough company: no use in waiting for more. */
const enoughWeight = 64;

interface Job {
  readonly weight: number;
  /** Does the work inside a transaction. @returns what to call once that is committed. */
  readonly work: () => () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Groups writes that are asked for close together into one transaction, in the order they came. A promise
 * resolves only after its COMMIT, which is on the disk (synchronous=FULL) by then.
 *
 * A database error rejects the whole group. Where one job's own check threw, the group is rolled back and its
 * jobs are tried one by one, so that only the guilty one is rejected.
 */
export class WriteQueue {
  readonly #db: Database;
  readonly #onRollback: () => void;
  readonly #beforeCommit: () => void;
  readonly #outlast: Outlast | undefined;
  #jobs: Job[] = [];
  #weight = 0;
  readonly #after: Clock['after'];
  /** What cancels the flush that is set for later, and for as soon as possible. */
  #later: (() => void) | undefined;
  #soon: (() => void) | undefined;

  constructor(
    db: Database,
    onRollback: () => void,
    beforeCommit: () => void = () => undefined,
    outlast?: Outlast,
    after: Clock['after'] = systemClock.after,
  ) {
    this.#db = db;
    this.#onRollback = onRollback;
    this.#beforeCommit = beforeCommit;
    this.#outlast = outlast;
    this.#after = after;
  }

  run<T>(weight: number, work: () => T): Promise<T> {
    const once = async (): Promise<T> => await this.#enqueue(weight, work);
    return this.#outlast === undefined ? once() : this.#outlast(once);
  }

  #enqueue<T>(weight: number, work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ weight, work: () => settleWith(work(), resolve), reject });
      this.#weight += weight;
      this.#schedule();
    });
  }

  /** Commits all that is waiting. */
  drain(): void {
    while (this.#jobs.length > 0) this.#commit(this.#take());
    this.#unschedule();
  }

  /** A time once set is never put off, whatever comes after: the oldest job waits for `gatherFor` at most. */
  #schedule(): void {
    if (this.#weight >= enoughWeight) this.#flushSoon();
    else this.#later ??= this.#after(gatherFor, () => this.#flush());
  }

  #flushSoon(): void {
    this.#soon ??= this.#after(0, () => this.#flush());
  }

  #flush(): void {
    this.#unschedule();
    this.#commit(this.#take());
    // These have waited long enough; other events come first.
    if (this.#jobs.length > 0) this.#flushSoon();
  }

  #unschedule(): void {
    this.#later?.();
    this.#soon?.();
    this.#later = undefined;
    this.#soon = undefined;
  }

  #take(): readonly Job[] {
    let weight = 0;
    let count = 0;
    while (count < this.#jobs.length && weight < maxWeight) {
      weight += this.#jobs[count]?.weight ?? 0;
      count += 1;
    }
    this.#weight -= weight;
    return this.#jobs.splice(0, count);
  }

  #commit(jobs: readonly Job[]): void {
    try {
      for (const resolve of this.#transact(jobs)) resolve();
    } catch (error) {
      this.#onRollback();
      if (jobs.length === 1 || error instanceof CatalogError) for (const job of jobs) job.reject(error);
      else for (const job of jobs) this.#commit([job]);
    }
  }

  #transact(jobs: readonly Job[]): readonly (() => void)[] {
    return this.#db.transaction(() => {
      assertSchema(this.#db);
      const resolves = jobs.map((job) => job.work());
      this.#beforeCommit();
      return resolves;
    });
  }
}

function settleWith<T>(value: T, resolve: (value: T) => void): () => void {
  return () => resolve(value);
}
