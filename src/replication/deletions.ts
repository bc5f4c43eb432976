import type { DeletionVerdict, GoneClaim } from '../catalog/deletions.ts';
import type { ProviderError } from '../objects/errors.ts';
import type { Provider } from '../providers/provider.ts';
import { asProviderError } from './copy-job.ts';
import { deleteCopies, type Deletion } from './deletion.ts';
import { Leases } from './leases.ts';
import { identityOf } from './pass.ts';
import type { Policy } from './policy.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

/** Counts of copies, but for `forgotten`, which counts objects. */
export interface DeletionReport {
  deleted: number;
  /** What stands at their keys is not known to be ours. */
  left: number;
  failed: number;
  forgotten: number;
}

/** After so many failures on end a provider is left alone until the next round. */
const tolerated = 100;

/**
 * One round over the objects whose time is over: deletes their copies at the targets that can be reached and that keep
 * what is not to be deleted. What cannot be done now is left for the next round.
 */
export class Deletions {
  readonly #engine: Engine;
  readonly #policy: Policy;
  readonly #leases: Leases;
  /** Targets that were said to keep everything. */
  readonly #said = new Set<string>();
  #failures = new Map<string, number>();

  constructor(engine: Engine, policy: Policy) {
    this.#engine = engine;
    this.#policy = policy;
    this.#leases = new Leases(engine);
  }

  /** Ends early and without an error when `signal` aborts; what was done by then is recorded. */
  async round(signal: AbortSignal): Promise<DeletionReport> {
    const report: DeletionReport = { deleted: 0, left: 0, failed: 0, forgotten: 0 };
    this.#failures = new Map();
    await this.#sayWhatStays();
    await using _ = this.#leases.keepAlive(signal);
    let after: GoneClaim | undefined;
    while (!signal.aborted) {
      const claims = await this.#claim(after, signal);
      after = claims.at(-1);
      if (after === undefined) break;
      await this.#process(claims, report);
    }
    if (report.deleted > 0)
      this.#engine.log.info({ policy: this.#policy.name, ...report }, 'copies of what went were deleted');
    return report;
  }

  /** Targets of which was said that copies stay there. */
  get said(): readonly string[] {
    return [...this.#said];
  }

  async #sayWhatStays(): Promise<void> {
    const until = await deletableUntil(this.#engine, this.#policy);
    const unsaid = keepingTargets(this.#policy).filter((name) => !this.#said.has(name));
    if (until === undefined || unsaid.length === 0) return;
    const { objects } = await this.#engine.catalog.countGone(this.#policy.name, { until });
    if (objects === 0) return;
    for (const target of unsaid) {
      this.#said.add(target);
      this.#engine.log.warn({ policy: this.#policy.name, target }, `copies of what went stay at ${target}: ${whyKept}`);
    }
  }

  /** Asked again for every few objects: a hold or a failed pass of another process stops it at once. */
  async #claim(after: GoneClaim | undefined, signal: AbortSignal): Promise<readonly GoneClaim[]> {
    const { catalog, owner, concurrency } = this.#engine;
    const until = await deletableUntil(this.#engine, this.#policy);
    if (until === undefined || this.#isGivenUp(this.#policy.source.name)) return [];
    const { name: policy } = this.#policy;
    const { objects } = await catalog.countGone(policy, { after: after && after.goneAt - 1, until });
    if (objects === 0 || !(await this.#isSourceThere(signal))) return [];
    const targets = this.#policy.targets.filter((site) => this.#takes(site)).map((site) => site.name);
    const leaseMs = this.#leases.length;
    return await catalog.claimGone({ owner, policy, targets, until, after, limit: concurrency.value, leaseMs });
  }

  /**
   * A source that says "not there" of everything (its disk is not mounted, its bucket is gone) must not be believed: it is
   * asked for something that it has, or, where nothing is known of it, whether it can be listed.
   */
  async #isSourceThere(signal: AbortSignal): Promise<boolean> {
    const { catalog, log } = this.#engine;
    const { name: policy, source, prefix } = this.#policy;
    try {
      const known = await catalog.anyPresent(policy);
      if (known === undefined) for await (const _ of source.provider.list({ prefix }, signal)) break;
      else await source.provider.head(known.key, signal);
      return true;
    } catch (thrown) {
      const { code, message } = asProviderError(thrown, source.name, '');
      if (code !== 'aborted') log.warn({ policy, provider: source.name, code }, `nothing more is deleted: ${message}`);
      return false;
    }
  }

  #takes(site: Site): boolean {
    if (!site.available || site.capabilities?.conditionalDeletes !== true) return false;
    return !this.#isGivenUp(site.name);
  }

  #isGivenUp(provider: string): boolean {
    return (this.#failures.get(provider) ?? 0) >= tolerated;
  }

  async #process(claims: readonly GoneClaim[], report: DeletionReport): Promise<void> {
    const { catalog } = this.#engine;
    const done = await Promise.all(claims.map(async (claim) => ({ claim, deletion: await this.#delete(claim) })));
    const settlements = done.map(({ claim: { objectId, token }, deletion }) => ({
      ...{ objectId, token },
      ...deletion.settlement,
    }));
    const verdicts = await catalog.settleDeletions(settlements);
    for (const [index, { claim, deletion }] of done.entries()) this.#note(claim, deletion, verdicts[index], report);
  }

  async #delete(claim: GoneClaim): Promise<Deletion> {
    const { key } = claim.object;
    // The globs leave it out: that the listing did not have it says nothing about the source.
    if (!key.startsWith(this.#policy.prefix) || !this.#policy.includes(key)) {
      return { settlement: { copies: [] }, failures: [] };
    }
    using lease = this.#leases.hold(claim);
    const targetOf = (name: string): Provider | undefined =>
      this.#policy.targets.find((site) => site.name === name && this.#takes(site))?.provider;
    const { clock } = this.#engine;
    return await deleteCopies(claim, { source: this.#policy.source.provider, targetOf, clock }, lease.signal);
  }

  #note(
    { object: { key } }: GoneClaim,
    { settlement, failures }: Deletion,
    verdict: DeletionVerdict | undefined,
    report: DeletionReport,
  ): void {
    const { log, metrics } = this.#engine;
    const { name: policy } = this.#policy;
    for (const { target, outcome, version, detail } of settlement.copies) {
      this.#failures.delete(target);
      if (version === null) continue;
      report[outcome] += 1;
      if (outcome === 'deleted') metrics.deleted(policy, target);
      else log.warn({ policy, target, key }, `it stays, as it is not known to be ours: ${detail}`);
    }
    if (failures.every(({ target }) => target !== this.#policy.source.name))
      this.#failures.delete(this.#policy.source.name);
    for (const failure of failures) this.#noteFailure(key, failure, report);
    if (settlement.observed !== undefined) log.info({ policy, key }, 'it is at the source again; its copies stay');
    if (verdict !== 'forgotten') return;
    report.forgotten += 1;
    log.info({ policy, key }, 'no copy of it is left; it is forgotten');
  }

  #noteFailure(key: string, { target, error }: { target: string; error: ProviderError }, report: DeletionReport): void {
    const { log, metrics } = this.#engine;
    const { name: policy, source } = this.#policy;
    if (error.code === 'aborted') return;
    log.warn({ policy, target, key, code: error.code }, `nothing was deleted: ${error.message}`);
    this.#failures.set(target, (this.#failures.get(target) ?? 0) + (error.retryable ? tolerated : 1));
    if (target === source.name) return;
    report.failed += 1;
    metrics.failed(policy, target, error.code);
  }
}

export const whyKept = 'it does not make sure that a delete takes only the version it names';

/** Targets that are reached and whose deletes cannot be made sure of. */
export function keepingTargets({ targets }: Policy): string[] {
  return targets.flatMap(({ capabilities, name }) => (capabilities?.conditionalDeletes === false ? [name] : []));
}

/**
 * Copies of what was gone by then may be deleted now; undefined: nothing may. The policy's latest whole pass must have
 * been complete and not held, have begun after the time was over, and have looked at the source that this process knows.
 */
export async function deletableUntil({ catalog }: Engine, policy: Policy): Promise<number | undefined> {
  if (policy.deleteAfter === undefined) return undefined;
  const { lastPass, lastCompletePassAt, hold, sourceIdentity } = await catalog.readPolicy(policy.name);
  if (hold !== null || lastPass === null || lastPass.startedAt !== lastCompletePassAt) return undefined;
  if (sourceIdentity !== identityOf(policy)) return undefined;
  const until = lastPass.deletes?.until ?? undefined;
  // The pass may be that of a process which was told another time.
  return until === undefined ? undefined : Math.min(until, lastPass.startedAt - policy.deleteAfter);
}
