import { runPass, type Pass, type PassOptions } from './pass.ts';
import { Deletions, whyKept, type DeletionReport } from './deletions.ts';
import { expireKept } from './expiry.ts';
import type { Seen } from './seen.ts';
import { abortOrphans } from './orphans.ts';
import { narrowest, type Policy } from './policy.ts';
import { damagedAtSource } from './status-evidence.ts';
import type { Tally } from './tally.ts';
import { every } from '../objects/clock.ts';
import { Worker, type Engine } from './worker.ts';

export interface ReconcileOptions {
  readonly prefix?: string;
  readonly deep: boolean;
  readonly dryRun: boolean;
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly policy: string;
  readonly seen: Seen | undefined;
  readonly tally: Tally | undefined;
  /** Whether everything was listed, so that the totals are known. */
  readonly listed: boolean;
}

/** What one `reconcile` did for one policy. Field names are part of the outside (`--json`). */
export interface ReconcileReport {
  readonly policy: string;
  readonly outcome: 'complete' | 'incomplete' | 'held';
  /** Objects at the source, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Copies (object × target). */
  readonly copied: number;
  readonly bytesCopied: number;
  readonly inPlace: number;
  readonly repaired: number;
  /** Of objects that are gone. */
  readonly deleted: number;
  /** Objects whose change the guard holds back. */
  readonly held: number;
  /** Copies that are not in place, for whatever reason. */
  readonly failed: number;
  readonly durationMs: number;
  /** Why it is not complete, for people. */
  readonly reasons: readonly string[];
  /** Things at the source that are no objects. */
  readonly ignored: number;
}

/** One full pass over a policy now, and all the work it finds, until nothing is left that can be done. */
export async function reconcile(
  engine: Engine,
  policy: Policy,
  options: ReconcileOptions,
  signal: AbortSignal,
): Promise<ReconcileReport> {
  const startedAt = engine.clock.now();
  if (options.dryRun) return await dryRun(engine, policy, options, startedAt, signal);
  const prefix = narrowest(policy.prefix, options.prefix ?? policy.prefix);
  if (prefix === undefined) return nothingConcerned(policy, options.prefix ?? '');
  await engine.catalog.makeDue(policy.name, { prefix });
  const run = new Run(engine, policy, prefix, options);
  const pass = await run.toTheEnd(signal);
  const deletions = new Deletions(engine, policy);
  // What a look at a part of the keys found lets nothing be deleted.
  const removed = options.prefix === undefined ? await deletions.round(signal) : undefined;
  await expireKept(engine, policy, signal);
  await abortOrphans(engine, policy.targets, signal);
  signal.throwIfAborted();
  const told = await report(engine, policy, prefix, pass, run.tally, startedAt);
  return withDeletions(told, removed, deletions.said);
}

function withDeletions(
  report: ReconcileReport,
  removed: DeletionReport | undefined,
  kept: readonly string[],
): ReconcileReport {
  if (removed === undefined) return report;
  const reasons = [...report.reasons, ...kept.map((target) => `copies of what went stay at ${target}: ${whyKept}`)];
  if (removed.left > 0) reasons.push(`${removed.left} keys of what went hold something that is not ours; it stays`);
  if (removed.failed > 0)
    reasons.push(`${removed.failed} copies of what went could not be deleted; they are tried again`);
  return { ...report, deleted: removed.deleted, reasons };
}

/** A pass and a worker side by side: copying starts while the listing still goes on. */
class Run {
  readonly #engine: Engine;
  readonly #policy: Policy;
  readonly #options: ReconcileOptions;
  readonly #worker: Worker;
  /** When everything was found: work that comes due later is a retry and left to the next pass. */
  #foundAllAt: number | undefined;
  #seen: Seen | undefined;

  constructor(engine: Engine, policy: Policy, prefix: string, options: ReconcileOptions) {
    this.#engine = engine;
    this.#policy = policy;
    this.#options = options;
    this.#worker = new Worker(engine, {
      policies: [policy],
      prefix,
      dueBefore: () => this.#foundAllAt,
      finished: () => this.#foundAllAt !== undefined,
    });
  }

  get tally(): Tally {
    return this.#worker.tally;
  }

  async toTheEnd(signal: AbortSignal): Promise<Pass> {
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    const ending = async <T>(work: Promise<T>): Promise<T> => await endingOthers(work, failed);
    const stopTicking = every(this.#engine.clock, 200, () => this.#progress());
    try {
      // Both have ended, whatever happens: nobody may close the catalog before the worker gave its leases back.
      const [passed, worked] = await Promise.allSettled([
        ending(this.#pass(stop)),
        ending(this.#worker.run(stop, stop)),
      ]);
      signal.throwIfAborted();
      failed.signal.throwIfAborted();
      if (passed.status === 'rejected') throw passed.reason;
      if (worked.status === 'rejected') throw worked.reason;
      this.#progress();
      return passed.value;
    } finally {
      stopTicking();
    }
  }

  async #pass(signal: AbortSignal): Promise<Pass> {
    const { deep, dryRun, prefix } = this.#options;
    const onProgress = (seen: Seen): void => void (this.#seen = seen);
    const options: PassOptions = { full: true, deep, dryRun, onProgress, ...(prefix === undefined ? {} : { prefix }) };
    const pass = await runPass(this.#engine, this.#policy, options, signal);
    this.#foundAllAt = this.#engine.clock.now();
    return pass;
  }

  #progress(): void {
    const listed = this.#foundAllAt !== undefined;
    this.#options.onProgress({ policy: this.#policy.name, seen: this.#seen, tally: this.tally, listed });
  }
}

async function endingOthers<T>(work: Promise<T>, others: AbortController): Promise<T> {
  try {
    return await work;
  } catch (error) {
    others.abort(error);
    throw error;
  }
}

/** The policy's own prefix and the one asked for have no key in common. */
function nothingConcerned({ name: policy, prefix }: Policy, asked: string): ReconcileReport {
  const none = { objects: 0, bytes: 0, copied: 0, bytesCopied: 0, inPlace: 0, repaired: 0, deleted: 0 };
  const reasons = [`no key of the policy (${prefix}…) starts with ${asked}`];
  return { policy, outcome: 'complete', ...none, held: 0, failed: 0, durationMs: 0, reasons, ignored: 0 };
}

async function report(
  { catalog, clock }: Engine,
  policy: Policy,
  prefix: string,
  pass: Pass,
  tally: Tally,
  startedAt: number,
): Promise<ReconcileReport> {
  const { copies, objects, bytes, observed, sourceDamaged } = await catalog.counts(policy.name, { prefix });
  const failed = copies.pending + copies.unproven + copies.damaged + copies.failed;
  const { copied, bytesCopied, repaired } = tally;
  const { seen, summary, hold } = pass;
  return {
    policy: policy.name,
    // A change that was seen and is not decided yet is not in place either.
    outcome: outcomeOf(pass, failed + observed),
    objects,
    bytes,
    copied,
    bytesCopied,
    inPlace: Math.max(0, copies.verified - copied - repaired),
    repaired,
    deleted: 0,
    held: hold === undefined ? 0 : observed,
    failed,
    durationMs: clock.now() - startedAt,
    reasons: [...summary.reasons, ...damagedAtSource(policy.name, sourceDamaged)],
    ignored: seen.ignored,
  };
}

async function dryRun(
  engine: Engine,
  policy: Policy,
  options: ReconcileOptions,
  startedAt: number,
  signal: AbortSignal,
): Promise<ReconcileReport> {
  const { prefix, onProgress } = options;
  const pass = await runPass(
    engine,
    policy,
    {
      full: true,
      deep: options.deep,
      dryRun: true,
      onProgress: (seen) => onProgress({ policy: policy.name, seen, tally: undefined, listed: false }),
      ...(prefix === undefined ? {} : { prefix }),
    },
    signal,
  );
  const count = (kind: Parameters<typeof pass.found.get>[0]): number => pass.found.get(kind) ?? 0;
  const { seen, summary, hold } = pass;
  const targets = policy.targets.length;
  const wouldCopy = (count('new') + count('overwritten')) * targets;
  const wouldRepair = count('missing') + count('foreign');
  const expected = seen.listed * targets;
  return {
    policy: policy.name,
    outcome: outcomeOf(pass, Math.max(wouldCopy + wouldRepair, expected - seen.inPlace)),
    objects: seen.listed,
    bytes: seen.bytes,
    copied: wouldCopy,
    bytesCopied: 0,
    inPlace: seen.inPlace,
    repaired: wouldRepair,
    deleted: await wouldDelete(engine, policy, pass),
    held: hold === undefined ? 0 : seen.overwritten + seen.vanished,
    failed: 0,
    durationMs: engine.clock.now() - startedAt,
    reasons: summary.reasons,
    ignored: seen.ignored,
  };
}

/** What targets keep, because their deletes cannot be made sure of, is counted too: a dry run does not probe. */
async function wouldDelete({ catalog }: Engine, { name }: Policy, { seen, summary }: Pass): Promise<number> {
  const until = summary.deletes?.until ?? null;
  if (until === null || summary.outcome === 'held' || seen.sourceFailure !== undefined) return 0;
  return await catalog.countGoneCopies(name, { until });
}

function outcomeOf({ summary }: Pass, notInPlace: number): ReconcileReport['outcome'] {
  if (summary.outcome === 'complete' && notInPlace > 0) return 'incomplete';
  return summary.outcome;
}
