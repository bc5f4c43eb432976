import PQueue from 'p-queue';
import type { ProviderError } from '../objects/errors.ts';
import { narrowest } from './policy.ts';
import { ObjectRestore, type ObjectOptions, type Restored } from './restore-object.ts';
import { destination, placesToReadFrom } from './restore-places.ts';
import type { RestoreEngine, RestoreOptions, RestorePolicy } from './restore-plan.ts';
import { RestoreTally, type RestoreReport } from './restore-report.ts';
import { RestoreWalk, type Sighting } from './restore-walk.ts';
import type { Site } from './site.ts';

export interface RestoreEnd {
  readonly report: RestoreReport;
  /** Everything is at the destination now, and nothing was out of sight. */
  readonly complete: boolean;
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
  #broken: { readonly error: unknown } | undefined;

  constructor(engine: RestoreEngine, policy: RestorePolicy, options: RestoreOptions, signal: AbortSignal) {
    this.#engine = engine;
    this.#policy = policy;
    this.#options = options;
    this.#signal = signal;
    this.#tally = new RestoreTally(policy.name, options.onProblem);
    this.#queue = new PQueue({ concurrency: engine.concurrency });
  }

  async run(): Promise<RestoreEnd> {
    const prefix = narrowest(this.#policy.prefix, this.#options.prefix ?? this.#policy.prefix);
    if (prefix !== undefined) await this.#walk(prefix);
    await this.#settleSource();
    return { report: this.#tally.report, complete: this.#tally.isComplete };
  }

  async #walk(prefix: string): Promise<void> {
    const onUnreached = ({ name }: Site, { message }: ProviderError): void => this.#tally.notLookedAt(name, message);
    const to = await destination(this.#options, this.#signal);
    const from = await placesToReadFrom(this.#options.from, onUnreached, this.#signal);
    await using walk = new RestoreWalk(this.#engine, this.#policy, { from, to, prefix, onUnreached }, this.#signal);
    const options = this.#objectOptions(to);
    try {
      for await (const sighting of walk.sightings()) {
        this.#take(sighting, options);
        await this.#queue.onSizeLessThan(2 * this.#engine.concurrency);
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
    if (isNoMore(sighting)) return;
    this.#later(async () => {
      const restored = await new ObjectRestore(sighting, options, this.#signal).run();
      await this.#note(sighting, restored);
    });
  }

  #isLeftOut({ row }: Sighting): boolean {
    return this.#options.withoutGone && row?.state === 'gone';
  }

  async #note({ key, row }: Sighting, { outcome, older, choice, version }: Restored): Promise<void> {
    this.#tally.add({ key, gone: row?.state === 'gone', older }, outcome);
    this.#options.onProgress(this.#tally.report, this.#tally.bytesRead);
    const { sourceIdentity, dryRun } = this.#options;
    const { catalog } = this.#engine;
    if (sourceIdentity === undefined || dryRun || catalog === undefined || row === undefined) return;
    if (choice === undefined || version === undefined || choice.sha256 !== row.sha256) return;
    // The bytes are those the catalog knows: another version of them at the source is no change.
    const finding = {
      kind: 'source-read',
      id: row.id,
      version: row.version,
      found: version,
      sha256: choice.sha256,
    } as const;
    await catalog.record(this.#policy.name, [finding]);
  }

  /** Where all that is known is at the source now, it is this policy's source, whatever it was before. */
  async #settleSource(): Promise<void> {
    const { sourceIdentity, prefix, at, dryRun, withoutGone, to } = this.#options;
    const { catalog } = this.#engine;
    if (sourceIdentity === undefined || catalog === undefined || dryRun || withoutGone) return;
    if (prefix !== undefined || at !== undefined || !this.#tally.isComplete) return;
    const { sourceIdentity: known } = await catalog.readPolicy(this.#policy.name);
    if (known !== null) await catalog.updatePolicy(this.#policy.name, { sourceIdentity: sourceIdentity(to) });
  }

  #objectOptions(to: ObjectOptions['to']): ObjectOptions {
    const { budget, clock, log } = this.#engine;
    const { overwrite, dryRun } = this.#options;
    const onBytes = (bytes: number): void => this.#tally.read(bytes);
    return {
      ...{ budget, clock, log, to, overwrite, dryRun },
      method: this.#policy.onCopy,
      now: () => clock.now(),
      onBytes,
      onSourceBytes: onBytes,
      onUnreached: (name, { message }) => this.#tally.notLookedAt(name, message),
      onChosen: () => undefined,
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
