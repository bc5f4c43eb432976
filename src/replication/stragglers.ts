import type { Catalog } from '../catalog/catalog.ts';
import type { Claim, ClaimRequest } from '../catalog/claims.ts';
import type { CopyRow } from '../catalog/rows.ts';
import type { Clock } from '../objects/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { ownPart, type PartOf } from './budget-share.ts';
import type { ByteBudget, Bytes } from './byte-budget.ts';
import { CatchUp } from './catch-up.ts';
import { Convoy, LeftBehind } from './convoy.ts';
import type { Dial } from './dial.ts';
import { fallenBehind } from './fallen-behind.ts';
import { availableTargets, type Policy } from './policy.ts';
import type { Site } from './site.ts';

/** What one object is worked on with. */
export interface Means {
  readonly budget: Bytes;
  /** Who shares the read; left out where a target is served alone. */
  readonly convoy?: Convoy;
}

export interface StragglersOptions {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  readonly budget: ByteBudget;
  readonly partOf?: PartOf;
  readonly concurrency: Dial;
  readonly policies: readonly Policy[];
  /** Work that became due later is left alone; undefined: whatever is due. */
  dueBefore(): number | undefined;
  claim(request: Pick<ClaimRequest, 'targets' | 'unless' | 'along'>, limit: number): Promise<readonly Claim[]>;
  /** Does it; never rejects. @returns the targets whose copies are verified now. */
  work(claim: Claim, means: Means): Promise<ReadonlySet<string>>;
  /** Follows what goes on beside the claiming; its failure ends all. */
  besides(work: Promise<void>): void;
  /** Told when the number of objects that are worked on here changes. */
  onChange(): void;
}

/** Sees who travels together, who catches up, and who rejoins. */
export class Stragglers {
  /** Those that share every read. */
  readonly convoy: Convoy;
  /** Among those that are behind: they share a read of what is due at several of them, unless they hold up each other. */
  readonly #rear: Convoy;
  readonly #options: StragglersOptions;
  readonly #sites: readonly Site[];
  readonly #catchUps = new Map<string, CatchUp>();
  /** Targets that were looked at since they could be reached. */
  readonly #met = new Set<Site>();

  constructor(options: StragglersOptions) {
    this.#options = options;
    this.#sites = [...new Set(options.policies.flatMap(({ targets }) => targets))];
    this.convoy = new Convoy(options.clock, options.log);
    this.#rear = new Convoy(options.clock, options.log);
  }

  /** Objects that are worked on here. */
  get pending(): number {
    return [...this.#catchUps.values()].reduce((sum, { pending }) => sum + pending, 0);
  }

  /** The targets that travel together. */
  together(): string[] {
    return availableTargets(this.#options.policies).filter((target) => !this.convoy.isBehind(target));
  }

  /**
   * A lease that is held for hours must not keep a repair elsewhere, or the next version, waiting. A copy that failed
   * before waits all the same: what is given up each time that it is due again would never be done.
   * @returns why the work is to be given up, if it is.
   */
  async reasonToStop({ policy, object, targets }: Claim): Promise<Error | undefined> {
    const { key } = object;
    const copies = (await this.#options.catalog.inspect(policy, key))?.object.copies ?? [];
    const others = this.together().filter((target) => !targets.includes(target));
    const awaited = copies.find((copy) => others.includes(copy.target) && copy.attempts === 0 && this.#isDue(copy));
    if (awaited === undefined) return undefined;
    const provider = targets.join(', ');
    const message = `${provider} must wait with ${key}, which ${awaited.target} needs too; it goes on where it is left`;
    return new LeftBehind('aborted', message, { provider, key });
  }

  /** Whether it would be claimed, if it were not leased. */
  #isDue({ dueAt }: CopyRow): boolean {
    const latest = this.#options.dueBefore() ?? Infinity;
    return dueAt !== null && dueAt <= Math.min(this.#options.clock.now(), latest);
  }

  /** Whoever leaves is served from then on, until disposed. */
  watch(stop: AbortSignal): Disposable {
    return this.convoy.watch((target) => this.#catchUp(target, stop));
  }

  /** A target that is down, or comes with more to do than the others, goes alone from the start. */
  async lookAfter(stop: AbortSignal): Promise<void> {
    for (const site of this.#sites) {
      if (site.wantsProbing) this.#options.besides(site.probe(stop));
      if (!site.isAway) continue;
      this.#met.delete(site);
      this.convoy.leave(site.name, 'it does not answer');
    }
    await this.#meet();
    this.#gather();
    for (const { name } of this.#sites) if (this.convoy.isBehind(name)) this.#catchUp(name, stop);
  }

  /** One that was away, while the others came to have as much to do, reads with them what it lacks. */
  async #meet(): Promise<void> {
    const strangers = this.#sites.filter((site) => site.available && !this.#met.has(site) && this.#mayBeMet(site));
    if (strangers.length === 0) return;
    for (const site of strangers) this.#met.add(site);
    const behind = await fallenBehind(this.#options.catalog, this.#options.policies);
    for (const { name } of strangers) if (!behind.includes(name)) this.convoy.rejoin(name);
    for (const name of behind) this.convoy.leave(name, 'it has much more to do than the other targets');
  }

  #mayBeMet(site: Site): boolean {
    return !this.convoy.isBehind(site.name) || (!site.isStruggling && this.convoy.mayRejoin(site.name));
  }

  /** Where all that answer are behind, nobody is held up: they travel together, and each object is read once. */
  #gather(): void {
    const here = this.#sites.filter((site) => site.available);
    const leading = new Set(here.filter(({ name }) => !this.convoy.isBehind(name)));
    const led = this.#options.policies.filter(({ targets }) => targets.some((site) => leading.has(site)));
    for (const site of here) {
      if (site.isStruggling || led.some(({ targets }) => targets.includes(site))) continue;
      this.convoy.readmit(site.name);
    }
  }

  #catchUp(target: string, stop: AbortSignal): void {
    const site = this.#sites.find(({ name }) => name === target);
    if (site === undefined || this.#catchUps.has(target)) return;
    const { budget, clock, concurrency, partOf = ownPart } = this.#options;
    const catchUp = new CatchUp({
      site,
      convoy: this.convoy,
      clock,
      budget,
      // All that are behind hold half of the bytes and of the turns at most.
      part: partOf(target, Math.floor(budget.total / (2 * this.#sites.length))),
      most: () => Math.floor(concurrency.value / 2 / this.#catchUps.size),
      claim: async (limit) => await this.#claim(site, limit),
      work: async (claim, share) => await this.#work(site, claim, share),
      onChange: () => this.#options.onChange(),
    });
    this.#catchUps.set(target, catchUp);
    this.#options.besides(catchUp.run(stop).finally(() => this.#catchUps.delete(target)));
  }

  async #claim(site: Site, limit: number): Promise<readonly Claim[]> {
    const along = this.#isInRear(site) ? this.#sites.filter((other) => other !== site && this.#isInRear(other)) : [];
    const request = { targets: [site.name], unless: this.together(), along: along.map(({ name }) => name) };
    return await this.#options.claim(request, limit);
  }

  /** Whether it shares reads with others that are behind. */
  #isInRear(site: Site): boolean {
    const { name } = site;
    if (!site.available || site.isStruggling || !this.convoy.isBehind(name)) return false;
    return !this.#rear.isBehind(name) || this.#rear.rejoin(name);
  }

  async #work(site: Site, claim: Claim, budget: Bytes): Promise<boolean> {
    const shared = claim.targets.length > 1 ? { convoy: this.#rear } : {};
    const verified = await this.#options.work(claim, { budget, ...shared });
    return verified.has(site.name);
  }
}
