import PQueue from 'p-queue';
import type { Catalog } from '../catalog/catalog.ts';
import type { Claim, ClaimRequest, Settlement } from '../catalog/claims.ts';
import type { Clock, Random } from '../objects/clock.ts';
import { errorMessage } from '../objects/errors.ts';
import { Leash } from '../objects/leash.ts';
import type { Provider } from '../providers/provider.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ByteBudget, Bytes } from './byte-budget.ts';
import { CatchUp } from './catch-up.ts';
import { Convoy } from './convoy.ts';
import type { Dial } from './dial.ts';
import { fallenBehind } from './fallen-behind.ts';
import { Leases, type Lease } from './leases.ts';
import type { Policy } from './policy.ts';
import type { Site } from './site.ts';
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
  /** Makes a limit of bytes per second that all providers it is applied to share, in either direction. */
  readonly throttle: (bytesPerSecond: number) => (provider: Provider) => Provider;
  /** Objects that are worked on at once (`limits.concurrency`). */
  readonly concurrency: Dial;
  /** Names this process among those that share the catalog. */
  readonly owner: string;
}

export interface WorkScope {
  readonly policies: readonly Policy[];
  /** Only objects below. */
  readonly prefix?: string;
  /** Work that became due later is left alone; undefined: whatever is due. */
  dueBefore?(): number | undefined;
  /** Asked when nothing is left to claim: true ends the run. Undefined: runs until the signal. */
  finished?(): boolean;
}

/** What one object is worked on with: with the others', or for one target that fell behind. */
interface Means {
  readonly budget: Bytes;
  readonly alone: boolean;
}

/** How long to rest when nothing is due, in milliseconds. */
const restWhenIdle = 250;

/**
 * Claims due work and does it, `concurrency` objects at a time: each for all targets that travel together, and for a
 * target that fell behind alone. Many workers, in one process or in several, may claim from the same catalog.
 */
export class Worker {
  readonly tally = new Tally();
  readonly #engine: Engine;
  readonly #scope: WorkScope;
  readonly #queue: PQueue;
  readonly #leases: Leases;
  readonly #convoy: Convoy;
  readonly #catchUps = new Map<string, CatchUp>();
  readonly #aside = new Set<Promise<void>>();
  /** Targets that were looked at since they could be reached. */
  readonly #met = new Set<Site>();
  #broken: Error | undefined;

  constructor(engine: Engine, scope: WorkScope) {
    this.#engine = engine;
    this.#scope = scope;
    this.#queue = new PQueue({ concurrency: engine.concurrency.value });
    this.#convoy = new Convoy(engine.clock, engine.log);
    this.#leases = new Leases(engine);
  }

  /**
   * Works until the scope is finished or `stop` aborts; what is in flight then is finished first, unless `abort` ends it.
   * @throws the catalog's error when outcomes cannot be recorded any more.
   */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    await using _ = this.#leases.keepAlive(abort);
    using stopAll = new Leash(stop);
    using _resizing = this.#engine.concurrency.watch(() => this.#resize());
    using _leaving = this.#convoy.watch((target) => this.#catchUp(target, stopAll.signal));
    try {
      await this.#keepClaiming(stopAll.signal);
    } finally {
      stopAll.abort(undefined);
      // Nobody may close the catalog while outcomes are still to be recorded.
      await this.#queue.onIdle();
      await Promise.all(this.#aside);
    }
    if (this.#broken !== undefined) throw this.#broken;
  }

  async #keepClaiming(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && this.#broken === undefined) {
      await this.#queue.onSizeLessThan(1);
      await this.#lookAfterTargets(stop);
      const claims = await this.#claim(this.#together(), {}, this.#engine.concurrency.value);
      for (const claim of claims) this.#start(claim);
      if (claims.length === 0 && (await this.#done())) return;
      if (claims.length === 0) await this.#rest(stop);
    }
  }

  /** A target that is down, or comes with more to do than the others, goes alone from the start. */
  async #lookAfterTargets(stop: AbortSignal): Promise<void> {
    const sites = new Set(this.#scope.policies.flatMap((policy) => policy.targets));
    for (const site of sites) {
      if (site.wantsProbing) this.#besides(site.probe(stop));
      if (site.isAway) this.#met.delete(site);
      if (site.isAway) this.#convoy.leave(site.name, 'it does not answer');
      if (this.#convoy.isBehind(site.name)) this.#catchUp(site.name, stop);
    }
    const strangers = [...sites].filter((site) => site.available && !this.#met.has(site));
    if (strangers.length === 0) return;
    for (const site of strangers) this.#met.add(site);
    const names = await fallenBehind(this.#engine.catalog, this.#scope.policies);
    for (const name of names) this.#convoy.leave(name, 'it has much more to do than the other targets');
  }

  /** The targets that travel together. */
  #together(): string[] {
    return availableTargets(this.#scope.policies).filter((target) => !this.#convoy.isBehind(target));
  }

  #catchUp(target: string, stop: AbortSignal): void {
    const site = this.#scope.policies.flatMap(({ targets }) => targets).find(({ name }) => name === target);
    if (site === undefined || this.#catchUps.has(target)) return;
    const { budget, clock, concurrency } = this.#engine;
    const targets = new Set(this.#scope.policies.flatMap((policy) => policy.targets)).size;
    const catchUp = new CatchUp({
      site,
      convoy: this.#convoy,
      clock,
      budget,
      // All that are behind hold half of the bytes and of the turns at most.
      bytes: Math.floor(budget.total / (2 * targets)),
      most: () => Math.floor(concurrency.value / 2 / this.#catchUps.size),
      claim: async (limit) => await this.#claim([target], { unless: this.#together() }, limit),
      work: async (claim, share) => await this.#alone(claim, share),
      onChange: () => this.#resize(),
    });
    this.#catchUps.set(target, catchUp);
    this.#besides(catchUp.run(stop).finally(() => this.#catchUps.delete(target)));
  }

  async #alone(claim: Claim, share: Bytes): Promise<boolean> {
    try {
      return await this.#process(claim, this.#leases.hold(claim), { budget: share, alone: true });
    } catch (error) {
      this.#break(error);
      return false;
    }
  }

  /** What goes on beside the claiming; its failure ends all. */
  #besides(work: Promise<void>): void {
    const watched = work.catch((error: unknown) => this.#break(error)).finally(() => this.#aside.delete(watched));
    this.#aside.add(watched);
  }

  #break(error: unknown): void {
    this.#broken ??= error instanceof Error ? error : new Error(errorMessage(error));
  }

  /** Those that catch up count too. */
  #resize(): void {
    const alone = [...this.#catchUps.values()].reduce((sum, { pending }) => sum + pending, 0);
    this.#queue.concurrency = Math.max(1, this.#engine.concurrency.value - alone);
  }

  async #claim(
    targets: readonly string[],
    rest: Pick<ClaimRequest, 'unless'>,
    limit: number,
  ): Promise<readonly Claim[]> {
    if (targets.length === 0) return [];
    const dueBefore = this.#scope.dueBefore?.();
    return await this.#engine.catalog.claim({
      owner: this.#engine.owner,
      policies: this.#scope.policies.map((policy) => policy.name),
      ...(this.#scope.prefix === undefined ? {} : { prefix: this.#scope.prefix }),
      targets,
      ...rest,
      limit,
      leaseMs: this.#leases.length,
      ...(dueBefore === undefined ? {} : { dueBefore }),
    });
  }

  /** Whether nothing is left for anybody: what another process holds is waited for, so that its outcome is known. */
  async #done(): Promise<boolean> {
    if (this.#scope.finished === undefined || this.#queue.pending > 0 || this.#isCatchingUp()) return false;
    if (!this.#scope.finished()) return false;
    const dueBefore = this.#scope.dueBefore?.();
    for (const policy of this.#scope.policies) {
      const outstanding = await this.#engine.catalog.outstanding(policy.name, {
        ...(this.#scope.prefix === undefined ? {} : { prefix: this.#scope.prefix }),
        targets: availableTargets([policy]),
        ...(dueBefore === undefined ? {} : { dueBefore }),
      });
      if (outstanding.due > 0 || outstanding.leased > 0) return false;
    }
    return true;
  }

  #isCatchingUp(): boolean {
    return [...this.#catchUps.values()].some(({ pending }) => pending > 0);
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
    const lease = this.#leases.hold(claim);
    this.#queue
      .add(async () => await this.#process(claim, lease, { budget: this.#engine.budget, alone: false }))
      .catch((error: unknown) => this.#break(error));
  }

  /** @returns whether every copy that was leased is verified now. */
  async #process(claim: Claim, held: Lease, means: Means): Promise<boolean> {
    using lease = held;
    const policy = this.#scope.policies.find((candidate) => candidate.name === claim.policy);
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
    return settlement?.copies.every((copy) => copy.state === 'verified') === true;
  }

  async #work(
    claim: Claim,
    policy: Policy,
    { budget, alone }: Means,
    signal: AbortSignal,
  ): Promise<readonly Settlement[]> {
    const { clock, log, metrics, random } = this.#engine;
    const work = new Work(
      claim,
      policy,
      {
        budget,
        ...(alone ? {} : { convoy: this.#convoy }),
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

export function availableTargets(policies: readonly Policy[]): string[] {
  const names = policies.flatMap((policy) => policy.targets.filter((site) => site.available).map((site) => site.name));
  return [...new Set(names)];
}
