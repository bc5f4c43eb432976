import PQueue from 'p-queue';
import type { Catalog } from '../catalog/catalog.ts';
import type { Claim, ClaimRequest, Settlement } from '../catalog/claims.ts';
import type { Clock, Random } from '../objects/clock.ts';
import { errorMessage } from '../objects/errors.ts';
import { Leash } from '../objects/leash.ts';
import type { Provider } from '../providers/provider.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { PartOf } from './budget-share.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Dial } from './dial.ts';
import { Leases, type Lease } from './leases.ts';
import { availableTargets, type Policy } from './policy.ts';
import { Stragglers, type Means } from './stragglers.ts';
import { Tally } from './tally.ts';
import { UploadJournal } from './upload-journal.ts';
import { Work } from './work.ts';

/** What every part of the replication is given. */
export interface Engine {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly budget: ByteBudget;
  /** Default: what a target that is behind holds is counted for each worker by itself. */
  readonly partOf?: PartOf;
  /** Makes a limit of bytes per second that all providers it is applied to share, in either direction. */
  readonly throttle: (bytesPerSecond: number) => (provider: Provider) => Provider;
  /** Objects that are worked on at once (`limits.concurrency`). */
  readonly concurrency: Dial;
  /** Names this process among those that share the catalog. */
  readonly owner: string;
  /** Other threads that work beside every worker of this one; default: none. */
  readonly crew?: Crew;
}

export interface Crew {
  /**
   * Works on the same until `stop` aborts and what was begun then has ended, or until `abort`.
   * @throws what ended the work, when it was not asked to end.
   */
  assist(worker: Assisted, stop: AbortSignal, abort: AbortSignal): Promise<void>;
}

/** A worker as those who assist it see it. */
export interface Assisted {
  readonly scope: WorkScope;
  /** Gets what others have done too. */
  readonly tally: Tally;
  /** Objects under way. */
  readonly pending: number;
}

export interface WorkScope {
  readonly policies: readonly Policy[];
  /** Only objects below. */
  readonly prefix?: string;
  /** Work that became due later is left alone; undefined: whatever is due. */
  dueBefore?(): number | undefined;
  /** Whether work of this policy may be claimed now; undefined: always. */
  mayBegin?(policy: Policy): boolean;
  /** Asked when nothing is left to claim: true ends the run. Undefined: runs until the signal. */
  finished?(): boolean;
}

/** How long to rest when nothing is due, in milliseconds. */
const restWhenIdle = 250;

/**
 * Claims due work and does it, `concurrency` objects at a time: each for all targets that travel together, and for a
 * target that fell behind alone. Many workers, in one process or in several, may claim from the same catalog.
 */
export class Worker implements Assisted {
  readonly scope: WorkScope;
  readonly tally = new Tally();
  readonly #engine: Engine;
  readonly #queue: PQueue;
  readonly #leases: Leases;
  readonly #stragglers: Stragglers;
  readonly #aside = new Set<Promise<void>>();
  /** Aborted by what ends the work though nobody asked for that. */
  readonly #broken = new AbortController();

  constructor(engine: Engine, scope: WorkScope) {
    this.#engine = engine;
    this.scope = scope;
    this.#queue = new PQueue({ concurrency: engine.concurrency.value });
    this.#leases = new Leases(engine);
    this.#stragglers = new Stragglers({
      ...engine,
      policies: scope.policies,
      dueBefore: () => scope.dueBefore?.(),
      claim: async (request, limit) => await this.#claim(request, limit),
      work: async (claim, means) => await this.#catchUp(claim, means),
      besides: (work) => this.#besides(work),
      onChange: () => this.#resize(),
    });
  }

  get pending(): number {
    return this.#queue.pending + this.#stragglers.pending;
  }

  /**
   * Works until the scope is finished or `stop` aborts; what is in flight then is finished first, unless `abort` ends it.
   * @throws the catalog's error when outcomes cannot be recorded any more.
   */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const broken = this.#broken.signal;
    // When this one breaks the others give up too, for what they wait for may never come, and so does what is under way here.
    const giveUp = AbortSignal.any([abort, broken]);
    await using _ = this.#leases.keepAlive(giveUp);
    using stopAll = new Leash(stop);
    using _resizing = this.#engine.concurrency.watch(() => this.#resize());
    using _leaving = this.#stragglers.watch(stopAll.signal);
    const { crew } = this.#engine;
    if (crew !== undefined) this.#besides(crew.assist(this, stopAll.signal, giveUp));
    await this.#keepClaiming(stopAll.signal).catch((error: unknown) => this.#break(error));
    stopAll.abort(undefined);
    // Nobody may close the catalog while outcomes are still to be recorded.
    await this.#queue.onIdle();
    await Promise.all(this.#aside);
    broken.throwIfAborted();
  }

  async #keepClaiming(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && !this.#broken.signal.aborted) {
      await this.#queue.onSizeLessThan(1);
      await this.#stragglers.lookAfter(stop);
      const targets = this.#stragglers.together();
      const claims = await this.#claim({ targets }, this.#engine.concurrency.value);
      for (const claim of claims) this.#start(claim);
      if (claims.length === 0 && (await this.#done())) return;
      if (claims.length === 0) await this.#rest(stop);
    }
  }

  async #catchUp(claim: Claim, means: Means): Promise<ReadonlySet<string>> {
    try {
      return await this.#process(claim, this.#hold(claim), means);
    } catch (error) {
      this.#break(error);
      return new Set();
    }
  }

  /** What goes on beside the claiming; its failure ends all. */
  #besides(work: Promise<void>): void {
    const watched = work.catch((error: unknown) => this.#break(error)).finally(() => this.#aside.delete(watched));
    this.#aside.add(watched);
  }

  #break(error: unknown): void {
    this.#broken.abort(error instanceof Error ? error : new Error(errorMessage(error)));
  }

  /** Those that catch up count too. */
  #resize(): void {
    this.#queue.concurrency = Math.max(1, this.#engine.concurrency.value - this.#stragglers.pending);
  }

  async #claim(request: Pick<ClaimRequest, 'targets' | 'unless' | 'along'>, limit: number): Promise<readonly Claim[]> {
    const policies = this.scope.policies.filter((policy) => this.scope.mayBegin?.(policy) ?? true);
    if (request.targets.length === 0 || policies.length === 0) return [];
    const dueBefore = this.scope.dueBefore?.();
    return await this.#engine.catalog.claim({
      owner: this.#engine.owner,
      policies: policies.map((policy) => policy.name),
      ...(this.scope.prefix === undefined ? {} : { prefix: this.scope.prefix }),
      ...request,
      limit,
      leaseMs: this.#leases.length,
      ...(dueBefore === undefined ? {} : { dueBefore }),
    });
  }

  /** Whether nothing is left for anybody: what another process holds is waited for, so that its outcome is known. */
  async #done(): Promise<boolean> {
    if (this.scope.finished === undefined || this.pending > 0) return false;
    if (!this.scope.finished()) return false;
    const dueBefore = this.scope.dueBefore?.();
    for (const policy of this.scope.policies) {
      const outstanding = await this.#engine.catalog.outstanding(policy.name, {
        ...(this.scope.prefix === undefined ? {} : { prefix: this.scope.prefix }),
        targets: availableTargets([policy]),
        ...(dueBefore === undefined ? {} : { dueBefore }),
      });
      if (outstanding.due > 0 || outstanding.leased > 0) return false;
    }
    return true;
  }

  async #rest(stop: AbortSignal): Promise<void> {
    try {
      await this.#engine.clock.sleep(restWhenIdle, stop);
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  }

  /** The lease is kept from now on, although the work may have to wait for its turn. */
  #start(claim: Claim): void {
    const lease = this.#hold(claim);
    const means = { budget: this.#engine.budget, convoy: this.#stragglers.convoy };
    this.#queue
      .add(async () => void (await this.#process(claim, lease, means)))
      .catch((error: unknown) => this.#break(error));
  }

  #hold(claim: Claim): Lease {
    return this.#leases.hold(claim, async () => await this.#stragglers.reasonToStop(claim));
  }

  /** @returns the targets whose copies are verified now. */
  async #process(claim: Claim, held: Lease, means: Means): Promise<ReadonlySet<string>> {
    using lease = held;
    const policy = this.scope.policies.find((candidate) => candidate.name === claim.policy);
    if (policy === undefined) throw new Error(`claimed work of the unknown policy ${claim.policy}`);
    const settlements = await this.#work(claim, policy, means, lease.signal);
    const applied = await this.#engine.catalog.settle(settlements);
    const settlement = settlements.at(-1);
    if (applied.at(-1) === true && settlement !== undefined) this.#count(policy, claim, settlement);
    else
      this.#engine.log.info(
        { policy: policy.name, key: claim.object.key },
        'the outcome is not recorded as it came: the lease was lost, or the object is another version by now',
      );
    const verified = settlement?.copies.filter((copy) => copy.state === 'verified') ?? [];
    return new Set(verified.map(({ target }) => target));
  }

  async #work(
    claim: Claim,
    policy: Policy,
    { budget, convoy }: Means,
    signal: AbortSignal,
  ): Promise<readonly Settlement[]> {
    const { clock, log, metrics, random } = this.#engine;
    const work = new Work(
      claim,
      policy,
      {
        budget,
        ...(convoy === undefined ? {} : { convoy }),
        clock,
        log,
        random,
        ledger: this.#engine.catalog,
        method: policy.onCopy,
        uploads: new UploadJournal(this.#engine.catalog, claim, clock),
        now: () => clock.now(),
        onBytes: (bytes) => void (this.tally.bytesReadBack += bytes),
        onSourceBytes: (bytes) => {
          this.tally.bytesRead += bytes;
          metrics.sourceRead(policy.name, policy.source.name, bytes);
        },
      },
      signal,
    );
    return await work.run();
  }

  #count(policy: Policy, claim: Claim, settlement: Settlement): void {
    const { metrics, log } = this.#engine;
    const { key, size } = claim.object;
    this.tally.add(settlement, size);
    for (const copy of settlement.copies) {
      if (copy.state === 'released') continue;
      if (copy.state === 'verified') metrics.copied(policy.name, copy.target, size, copy.event ?? 'copied');
      else {
        metrics.failed(policy.name, copy.target, copy.error.code);
        log.warn({ policy: policy.name, target: copy.target, key, code: copy.error.code }, copy.error.message);
      }
    }
  }
}
