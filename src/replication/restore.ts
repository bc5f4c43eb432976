import PQueue from 'p-queue';
import type { ProviderError } from '../objects/errors.ts';
import { narrowest } from './policy.ts';
import { Estimator, type Estimate } from './restore-estimate.ts';
import { ObjectRestore, type ObjectOptions, type Restored } from './restore-object.ts';
import { destination, placesToReadFrom } from './restore-places.ts';
import { told, type RestoreEngine, type RestoreOptions, type RestorePolicy } from './restore-plan.ts';
import { RestoreTally, type RestoreReport } from './restore-report.ts';
import { sightings } from './restore-sightings.ts';
import type { Sighting, WalkPlaces } from './restore-walk.ts';
import type { Site } from './site.ts';

export interface RestoreEnd {
  readonly report: RestoreReport;
  /** Everything is at the destination now, and nothing was out of sight. */
  readonly complete: boolean;
  /** Of a dry run: how long reading would take. */
  readonly estimate: Estimate | undefined;
}

/**
 * Brings objects back: each from the cheapest place whose bytes have its SHA-256, which is seen before they become visible.
 * @throws ProviderError when the destination cannot be used, or it was aborted.
 */
export async function restore(
  engine: RestoreEngine,
  policy: RestorePolicy,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<RestoreEnd> {
  const run = new RestoreRun(engine, policy, options, signal);
  return await run.run();
}

class RestoreRun {
  readonly #engine: RestoreEngine;
  readonly #policy: RestorePolicy;
  readonly #options: RestoreOptions;
  readonly #signal: AbortSignal;
  readonly #tally: RestoreTally;
  readonly #queue: PQueue;
  readonly #estimator = new Estimator();
  #broken: { readonly error: unknown } | undefined;

  constructor(engine: RestoreEngine, policy: RestorePolicy, options: RestoreOptions, signal: AbortSignal) {
    this.#engine = engine;
    this.#policy = policy;
    this.#options = options;
    this.#signal = signal;
    this.#tally = new RestoreTally(policy.name, options.onProblem);
    this.#queue = new PQueue({ concurrency: engine.concurrency.value });
  }

  async run(): Promise<RestoreEnd> {
    const prefix = narrowest(this.#policy.prefix, this.#options.prefix ?? this.#policy.prefix);
    if (prefix !== undefined) await this.#walk(prefix);
    await this.#settleSource();
    const { dryRun, bandwidth } = this.#options;
    const estimate = dryRun
      ? await this.#estimator.estimate(
          { clock: this.#engine.clock, concurrency: this.#engine.concurrency.value, bandwidth },
          this.#signal,
        )
      : undefined;
    return { report: this.#tally.report, complete: this.#tally.isComplete, estimate };
  }

  async #walk(prefix: string): Promise<void> {
    const onUnreached = ({ name }: Site, { message }: ProviderError): void => this.#tally.notLookedAt(name, message);
    const to = await destination(this.#options, this.#signal);
    const from = await placesToReadFrom(this.#options.from, onUnreached, this.#engine.clock, this.#signal);
    const places = { from, to, prefix, kept: this.#options.at !== undefined, onUnreached };
    const options = this.#objectOptions(places);
    try {
      for await (const sighting of sightings(this.#engine, this.#policy, places, this.#signal)) {
        this.#take(sighting, options);
        await this.#queue.onSizeLessThan(2 * this.#engine.concurrency.value);
        if (this.#broken !== undefined) break;
      }
    } finally {
      if (this.#signal.aborted) this.#queue.clear();
      await this.#queue.onIdle();
    }
    if (this.#broken !== undefined) throw this.#broken.error;
    this.#signal.throwIfAborted();
  }

  #take(sighting: Sighting, options: ObjectOptions): void {
    if (this.#isLeftOut(sighting)) return this.#tally.leftOut();
    if (this.#options.at === undefined && isNoMore(sighting)) return;
    if (this.#isUntouched(sighting)) {
      this.#tally.add({ key: sighting.key, gone: false }, { state: 'in-place', otherAttributes: false });
      return;
    }
    this.#later(async () => {
      const restored = await new ObjectRestore(sighting, options, this.#signal).run();
      if (restored === undefined) this.#tally.leftOut();
      else await this.#note(sighting, restored);
    });
  }

  #isLeftOut({ row }: Sighting): boolean {
    return this.#options.withoutGone && row?.state === 'gone';
  }

  /** The source still has just what the catalog saw there and nobody ever read: that is all there is of it. */
  #isUntouched({ row, there }: Sighting): boolean {
    const { sourceIdentity, at } = this.#options;
    return sourceIdentity !== undefined && at === undefined && row?.sha256 === null && row.version === there?.version;
  }

  async #note({ key, row }: Sighting, { outcome, older, choice, version }: Restored): Promise<void> {
    this.#tally.add({ key, gone: row?.state === 'gone', older }, outcome);
    this.#options.onProgress(this.#tally.report, this.#tally.bytesRead);
    const { sourceIdentity, dryRun } = this.#options;
    if (sourceIdentity === undefined || dryRun || row === undefined) return;
    if (choice === undefined || version === undefined || choice.sha256 !== row.sha256) return;
    // The bytes are those the catalog knows: another version of them at the source is no change.
    const finding = {
      kind: 'source-read',
      id: row.id,
      version: row.version,
      found: version,
      sha256: choice.sha256,
    } as const;
    await told(this.#engine, async (catalog) => await catalog.record(this.#policy.name, [finding]));
  }

  /** Where all that is known is at the source now, it is this policy's source, whatever it was before. */
  async #settleSource(): Promise<void> {
    const { sourceIdentity, prefix, at, dryRun, withoutGone, to } = this.#options;
    if (sourceIdentity === undefined || dryRun || withoutGone) return;
    if (prefix !== undefined || at !== undefined || !this.#tally.isComplete) return;
    const { name } = this.#policy;
    await told(this.#engine, async (catalog) => {
      const { sourceIdentity: known } = await catalog.readPolicy(name);
      if (known !== null) await catalog.updatePolicy(name, { sourceIdentity: sourceIdentity(to) });
    });
  }

  #objectOptions({ to, from: sites }: WalkPlaces): ObjectOptions {
    const { budget, clock, log } = this.#engine;
    const { overwrite, dryRun, at } = this.#options;
    const onUnreached: ObjectOptions['onUnreached'] = (name, { message }) => this.#tally.notLookedAt(name, message);
    const onBytes = (bytes: number): void => this.#tally.read(bytes);
    return {
      ...{ budget, clock, log, to, overwrite, dryRun, at, onUnreached },
      kept: { sites, engine: this.#engine, policy: this.#policy.name, onUnreached },
      method: this.#policy.onCopy,
      now: () => clock.now(),
      onBytes,
      onSourceBytes: onBytes,
      onChosen: (choice) => this.#estimator.add(choice),
    };
  }

  #later(work: () => Promise<void>): void {
    this.#queue.add(work).catch((error: unknown) => {
      this.#broken ??= { error };
    });
  }
}

/** Its copies were deleted because it went: there is nothing to bring back, and nothing missing. */
function isNoMore({ row, standing }: Sighting): boolean {
  return row?.state === 'gone' && standing.length === 0 && row.copies.every(({ version }) => version === null);
}
