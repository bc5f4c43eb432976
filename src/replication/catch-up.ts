import type { Claim } from '../catalog/claims.ts';
import type { Clock } from '../objects/clock.ts';
import { Leash } from '../objects/leash.ts';
import { BudgetShare } from './budget-share.ts';
import type { ByteBudget, Bytes } from './byte-budget.ts';
import type { Convoy } from './convoy.ts';
import type { Site } from './site.ts';

/** How long to rest when nothing is due or the target does not answer, in milliseconds. */
const rest = 250;

export interface CatchUpOptions {
  readonly site: Site;
  readonly convoy: Convoy;
  readonly clock: Clock;
  readonly budget: ByteBudget;
  /** What it may hold of that. */
  readonly part: ByteBudget;
  /** Objects that it may work on at once, as things are. */
  most(): number;
  /** Leases work that is due at this target and at none of those that travel together. */
  claim(limit: number): Promise<readonly Claim[]>;
  /** Does it; never rejects. @returns whether the copy at this target is verified now. */
  work(claim: Claim, budget: Bytes): Promise<boolean>;
  onChange(): void;
}

/**
 * One target that fell behind, served until nothing is left to catch up with. It works on as many objects at once
 * as succeed: each failure halves the number, each success adds one.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #budget: BudgetShare;
  readonly #running = new Set<Promise<void>>();
  #width = Infinity;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#budget = new BudgetShare(options.budget, options.part);
  }

  /** Objects that it works on now. */
  get pending(): number {
    return this.#running.size;
  }

  /** Until it travels with the others again or `stop` aborts; what is in flight then is finished. @throws the catalog's error */
  async run(stop: AbortSignal): Promise<void> {
    try {
      while (!stop.aborted && !(await this.#step())) await this.#pause(stop);
    } finally {
      await Promise.all(this.#running);
    }
  }

  /** @returns whether it is over. */
  async #step(): Promise<boolean> {
    const { site, convoy } = this.#options;
    if (!convoy.isBehind(site.name)) return true;
    if (!site.available) return false;
    this.#width = Math.max(1, Math.min(this.#width, this.#options.most()));
    const room = Math.floor(this.#width) - this.pending;
    if (room <= 0) return false;
    const claims = await this.#options.claim(room);
    for (const one of claims) this.#start(one);
    return this.pending === 0 && !site.isStruggling && convoy.rejoin(site.name);
  }

  #start(claim: Claim): void {
    const running = this.#options.work(claim, this.#budget).then((done) => {
      this.#running.delete(running);
      this.#width = done ? this.#width + 1 : Math.max(1, this.#width / 2);
      this.#options.onChange();
    });
    this.#running.add(running);
    this.#options.onChange();
  }

  /** Until one object is done, or the time is over. */
  async #pause(stop: AbortSignal): Promise<void> {
    using resting = new Leash(stop);
    const rested = this.#options.clock.sleep(rest, resting.signal).catch(() => undefined);
    await Promise.race([rested, ...this.#running]);
    resting.abort(undefined);
  }
}
