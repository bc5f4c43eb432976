import type { Catalog } from '../catalog/catalog.ts';
import type { Finding } from '../catalog/findings.ts';
import type { ObjectOutline } from '../catalog/rows.ts';
import type { Clock } from '../objects/clock.ts';
import { errorMessage, ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { Leash } from '../objects/leash.ts';
import type { ObjectInfo } from '../objects/object.ts';
import type { FurtherOn, ListOptions, ListPage } from '../providers/provider.ts';
import type { Log } from '../telemetry/log.ts';
import { compare, isRejected, type ComparePlan, type Sighting } from './compare.ts';
import { Cursor, smallestKey } from './cursor.ts';
import type { Policy } from './policy.ts';
import { nothingSeen, type Seen } from './seen.ts';
import type { Site } from './site.ts';
import { Suspects, type SuspectsOptions } from './suspects.ts';

export interface DetectOptions extends ComparePlan {
  /** Keys to look at; begins with the policy's own prefix. */
  readonly prefix: string;
  /** Targets whose listings take part; the others' copies are left as the catalog has them. */
  readonly targets: readonly Site[];
  /** Takes the findings, in groups; a dry run only counts them. */
  readonly record: (findings: readonly Finding[]) => Promise<void>;
  readonly onProgress: (seen: Seen) => void;
  /**
   * Whether providers may list by key ranges side by side. What one lists in another order than it says shows in one chain of
   * pages only; by ranges it may be left out: so not before one chain was seen to be in order, nor where all is to be looked at.
   */
  readonly byRanges: boolean;
  /** Nothing but what is new is of interest: nothing is read to find out whether it changed. */
  readonly onlyNew?: boolean;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  /** Milliseconds that a target may take for a page; 20 s by default. */
  readonly pageWithin?: number;
}

const recordInGroupsOf = 1_000;
const sampleSize = 10;
const namedIgnored = 5;

/** How long (ms) the walk waits for a target's page: everything new waits with it. */
const pageWithin = 20_000;

/**
 * One walk over source, catalog and target listings together, in key order, streaming: an unchanged set costs
 * listings only. A target whose listing fails drops out; a source whose listing fails ends the walk.
 */
export async function detect(
  catalog: Catalog,
  policy: Policy,
  options: DetectOptions,
  log: Log,
  signal: AbortSignal,
): Promise<Seen> {
  await using walk = new Walk(catalog, policy, options, log, signal);
  return await walk.run();
}

class Walk implements AsyncDisposable {
  readonly #policy: Policy;
  readonly #options: DetectOptions;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #listed: ListOptions;
  readonly #source: Cursor<ObjectInfo>;
  readonly #rows: Cursor<ObjectOutline>;
  readonly #targets: Map<string, Cursor<ObjectInfo>>;
  /** Of source, catalog and the targets that still take part. */
  #cursors: readonly Cursor<{ readonly key: Key }>[];
  /** What stands at the targets at the key that is looked at. One for all keys: a map for each costs. */
  readonly #standing = new Map<string, ObjectInfo | undefined>();
  readonly #leashes = new Map<string, Leash>();
  readonly #findings: Finding[] = [];
  readonly #suspects: Suspects;
  readonly #seen = nothingSeen(undefined);

  constructor(catalog: Catalog, policy: Policy, options: DetectOptions, log: Log, signal: AbortSignal) {
    this.#policy = policy;
    this.#options = options;
    this.#log = log;
    this.#signal = signal;
    const { prefix, byRanges } = options;
    const furtherOn: FurtherOn = (after, count) => catalog.furtherOn(policy.name, { prefix, after, count });
    this.#listed = byRanges ? { prefix, furtherOn } : { prefix };
    this.#source = new Cursor(this.#sourcePages());
    const onFinding = (finding: Finding): void => void this.#findings.push(finding);
    const onChange = (...found: Parameters<SuspectsOptions['onChange']>): void => this.#changedAfterAll(...found);
    this.#suspects = new Suspects(policy.source, { clock: options.clock, onFinding, onChange }, signal);
    this.#rows = new Cursor(catalog.outline(policy.name, { prefix }));
    this.#targets = new Map(options.targets.map((site) => [site.name, new Cursor(this.#pages(site))]));
    this.#cursors = this.#all();
  }

  async run(): Promise<Seen> {
    for (;;) {
      // Not for every key: a promise for each costs more than all else that is done here.
      if (!this.#cursors.every(isSettled)) await this.#settle();
      if (this.#seen.sourceFailure !== undefined) break;
      const key = smallestKey(this.#cursors);
      if (key === undefined) break;
      this.#look(key);
      if (this.#suspects.crowded) await this.#suspects.room();
      if (this.#findings.length >= recordInGroupsOf || this.#suspects.hasNews) await this.#flush();
    }
    await this.#suspects.idle();
    await this.#flush();
    this.#options.onProgress(this.#seen);
    return this.#seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const leash of this.#leashes.values()) leash[Symbol.dispose]();
    await this.#suspects.idle();
    await Promise.all(this.#all().map(async (cursor) => await cursor.close()));
  }

  #all(): readonly Cursor<{ readonly key: Key }>[] {
    return [this.#source, this.#rows, ...this.#targets.values()];
  }

  async #settle(): Promise<void> {
    for (const cursor of [this.#rows, this.#source, ...this.#targets.values()]) if (!cursor.settled) cursor.ask();
    if (!this.#rows.settled) await this.#rows.settle();
    if (!this.#source.settled) await this.#settleSource();
    for (const [target, cursor] of this.#targets) if (!cursor.settled) await this.#settleTarget(target, cursor);
  }

  async #settleSource(): Promise<void> {
    this.#options.onProgress(this.#seen);
    try {
      await this.#source.settle();
    } catch (error) {
      this.#seen.sourceFailure = asFailure(error, this.#policy.source.name, this.#signal);
    }
  }

  async #settleTarget(target: string, cursor: Cursor<ObjectInfo>): Promise<void> {
    try {
      // An empty page is one as well: a listing that has to be sorted gives only such until it is whole.
      while (!cursor.settled) await this.#stepInTime(target, cursor);
    } catch (error) {
      this.#targets.delete(target);
      this.#standing.delete(target);
      this.#cursors = this.#all();
      const reason: unknown = this.#leashes.get(target)?.signal.reason;
      const why = reason instanceof ProviderError ? reason : error;
      this.#seen.targetFailures.set(target, asFailure(why, target, this.#signal));
    }
  }

  async #stepInTime(target: string, cursor: Cursor<ObjectInfo>): Promise<void> {
    const { clock, pageWithin: within = pageWithin } = this.#options;
    const answered = clock.after(within, () => this.#leashes.get(target)?.abort(tooSlow(target)));
    try {
      await cursor.step();
    } finally {
      answered();
    }
  }

  #look(key: Key): void {
    const sighting = this.#sight(key);
    const findings = compare(sighting, this.#options);
    this.#count(sighting, findings);
    for (const finding of findings) this.#findings.push(finding);
  }

  /** A version that is no change of the content is none for the comparison. */
  #sight(key: Key): Sighting {
    for (const [target, cursor] of this.#targets) this.#standing.set(target, cursor.take(key));
    const [source, row, targets] = [this.#source.take(key), this.#rows.take(key), this.#standing];
    if (source === undefined || row === undefined || this.#options.onlyNew === true)
      return { key, source, row, targets };
    const suspicion = this.#suspects.take(source, row);
    if (suspicion === undefined) return { key, source, row, targets };
    const unchanged = { ...source, version: row.version };
    return { key, source: unchanged, row, isOpen: suspicion === 'asked', targets };
  }

  #count({ source, row, targets }: Sighting, findings: readonly Finding[]): void {
    const seen = this.#seen;
    if (source !== undefined) {
      seen.listed += 1;
      seen.bytes += source.size;
    }
    if (row === undefined && source === undefined) seen.unexpected += 1;
    if (row === undefined) return;
    if (row.state === 'present' && (source !== undefined || !isRejected(source, row))) seen.known += 1;
    this.#countChange(source, row);
    const isTouched = (target: string): boolean =>
      findings.some((found) => 'target' in found && found.target === target);
    for (const copy of row.copies) {
      if (copy.state === 'verified' && targets.has(copy.target) && !isTouched(copy.target)) seen.inPlace += 1;
    }
  }

  #countChange(source: ObjectInfo | undefined, row: ObjectOutline): void {
    const seen = this.#seen;
    const comparable = !isRejected(source, row) && this.#isComparable(row);
    const overwritten = comparable && source !== undefined && source.version !== row.version;
    const vanished = comparable && source === undefined && row.state === 'present';
    if (overwritten) seen.overwritten += 1;
    if (overwritten && isIncomparable(source, row)) seen.incomparable += 1;
    if (vanished) seen.vanished += 1;
    if ((overwritten || vanished) && row.rejected !== null) seen.contested += 1;
    if ((overwritten || vanished) && seen.sample.length < sampleSize) seen.sample.push(row.key);
  }

  /** It was counted as there when the walk went by. */
  #changedAfterAll(source: ObjectInfo, row: ObjectOutline, unlike: string | undefined): void {
    const sighting = { key: row.key, source, row, targets: new Map(), ...(unlike === undefined ? {} : { unlike }) };
    this.#findings.push(...compare(sighting, this.#options));
    this.#countChange(source, row);
  }

  /**
   * A row that changed since the pass began is newer than the listings: what they lack says nothing about it. One that
   * changed later than now did so under a clock that was ahead.
   */
  #isComparable({ updatedAt, observed }: ObjectOutline): boolean {
    return updatedAt < this.#options.asOf || observed !== null || updatedAt > this.#options.clock.now();
  }

  async #flush(): Promise<void> {
    this.#options.onProgress(this.#seen);
    if (this.#findings.length > 0) await this.#options.record(this.#findings.splice(0));
  }

  async *#sourcePages(): AsyncGenerator<readonly ObjectInfo[], void, undefined> {
    const { provider } = this.#policy.source;
    for await (const page of provider.list(this.#listed, this.#signal)) {
      this.#noteIgnored(page);
      yield page.entries.filter((entry) => this.#policy.includes(entry.key));
    }
  }

  async *#pages(site: Site): AsyncGenerator<readonly ObjectInfo[], void, undefined> {
    const leash = new Leash(this.#signal);
    this.#leashes.set(site.name, leash);
    for await (const page of site.provider.list(this.#listed, leash.signal)) yield page.entries;
  }

  #noteIgnored({ ignored = [] }: ListPage): void {
    for (const { key, reason } of ignored) {
      this.#seen.ignored += 1;
      if (this.#seen.ignored > namedIgnored) continue;
      this.#log.warn({ policy: this.#policy.name, key, reason }, 'this is no object and is not copied');
    }
  }
}

function isSettled(cursor: Cursor<{ readonly key: Key }>): boolean {
  return cursor.settled;
}

function isIncomparable(source: ObjectInfo, { size, sha256, copies }: ObjectOutline): boolean {
  return sha256 === null && source.size === size && copies.some(({ state }) => state === 'unproven');
}

function tooSlow(provider: string): ProviderError {
  const message = `${provider} did not list a page within ${pageWithin / 1000} s; this pass goes on without it`;
  return new ProviderError('unavailable', message, { provider });
}

function asFailure(error: unknown, provider: string, signal: AbortSignal): ProviderError {
  if (signal.aborted) throw error;
  if (error instanceof ProviderError) return error;
  return new ProviderError('unavailable', `the listing failed: ${errorMessage(error)}`, { provider, cause: error });
}
