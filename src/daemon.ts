import type { PolicyState } from './catalog/policies.ts';
import { Leash } from './objects/leash.ts';
import { isOver } from './objects/set-back.ts';
import { Deletions } from './replication/deletions.ts';
import { Drills } from './replication/drills.ts';
import { expireKept } from './replication/expiry.ts';
import { abortOrphans } from './replication/orphans.ts';
import { glance, runPass, type Pass } from './replication/pass.ts';
import type { Policy } from './replication/policy.ts';
import { Scrub } from './replication/scrub.ts';
import { Worker } from './replication/worker.ts';
import { errorMessage, ProviderError } from './objects/errors.ts';
import { Reconnecting } from './reconnecting.ts';
import type { Replicator } from './replicator.ts';

/** How often word of the providers is left in the catalog, and unreached ones are tried again, in milliseconds. */
const tendEvery = 5_000;

/** How often uploads that nobody goes on with are looked for, in milliseconds. */
const orphansEvery = 5 * 60_000;

/** What the daemon needs of a replicator. */
export type DaemonParts = Pick<Replicator, 'engine' | 'policies' | 'noteProviders'> &
  Partial<Pick<Replicator, 'snapshots'>>;

/** How soon targets are listed again, of which one did not answer: the others' listings cost money too. */
const retryFull = 5 * 60_000;

function retryFullAfter({ detect }: Policy): number {
  return Math.min(detect.full, Math.max(detect.every, retryFull));
}

/**
 * The loops of the long-lived process: look at each policy's source every `detect.every` (and at its targets every
 * `detect.full`), work on what is due, delete what may go, read copies again (scrub), rehearse
 * restores (drill), keep snapshots of the catalog at the targets, keep trying providers that are away.
 */
export class Daemon {
  readonly #replicator: DaemonParts;
  /** Aborted: no new work is begun. */
  readonly #stop = new AbortController();
  /** Aborted: what is in flight is given up. */
  readonly #abort = new AbortController();
  /** Policies that somebody wants looked at now, and how to wake their loops. */
  readonly #asked = new Set<string>();
  readonly #wakers = new Map<string, () => void>();
  /** Cancels the end of the patience with what is in flight. */
  #patienceOver: (() => void) | undefined;
  #ended = false;
  /** What ended the work first. */
  #failure: { readonly error: unknown } | undefined;

  constructor(replicator: DaemonParts) {
    this.#replicator = replicator;
  }

  /**
   * Runs until `drain` is called.
   * @throws what ended the work, when it was not asked to end (the catalog cannot be written any more).
   */
  async run(): Promise<void> {
    const { engine, policies } = this.#replicator;
    const worker = new Worker(engine, { policies });
    try {
      // All have ended, whatever happens: nobody may close the catalog before the worker gave its leases back.
      await Promise.allSettled([
        this.#ending(worker.run(this.#stop.signal, this.#abort.signal)),
        this.#ending(this.#tend()),
        this.#ending(this.#keepSnapshots()),
        this.#ending(this.#abortOrphans()),
        ...policies.map(async (policy) => await this.#ending(this.#watch(policy))),
        ...policies.map(async (policy) => await this.#ending(this.#delete(policy))),
        ...policies.map(async (policy) => await this.#ending(this.#expire(policy))),
        ...policies.map(async (policy) => await this.#ending(this.#scrub(policy))),
        ...policies.map(async (policy) => await this.#ending(this.#drill(policy))),
      ]);
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      // The patience lasts until this too is recorded: on a full disk it would be tried for ever.
      await this.#replicator.noteProviders().finally(() => {
        this.#ended = true;
        this.#patienceOver?.();
      });
    }
  }

  /** Aborts when what is in flight is given up. */
  get givenUp(): AbortSignal {
    return this.#abort.signal;
  }

  /** Begins nothing new and lets what is in flight finish, for at most `withinMs`. */
  drain(withinMs: number): void {
    this.#stop.abort();
    if (this.#ended) return;
    this.#patienceOver ??= this.#replicator.engine.clock.after(withinMs, () => this.#abort.abort());
  }

  /** Has the policies looked at as soon as a pass under way has ended. @returns their names. */
  reconcileSoon(policies: readonly Policy[]): string[] {
    for (const { name } of policies) {
      this.#asked.add(name);
      this.#wakers.get(name)?.();
    }
    return policies.map(({ name }) => name);
  }

  /** Ends the other loops when one ends by an error. */
  async #ending(loop: Promise<void>): Promise<void> {
    try {
      await loop;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort();
    this.#abort.abort();
  }

  async #scrub(policy: Policy): Promise<void> {
    if (policy.scrub === undefined) return;
    await new Scrub(this.#replicator.engine, policy, policy.scrub).run(this.#stop.signal);
  }

  async #drill(policy: Policy): Promise<void> {
    if (policy.drill === undefined) return;
    await new Drills(this.#replicator.engine, policy, policy.drill).run(this.#stop.signal);
  }

  async #keepSnapshots(): Promise<void> {
    await this.#replicator.snapshots?.run(this.#stop.signal);
  }

  async #watch(policy: Policy): Promise<void> {
    const { catalog, clock } = this.#replicator.engine;
    let fullAt = 0;
    let known = isCurrent(await catalog.readPolicy(policy.name), policy, clock.now());
    while (!this.#stop.signal.aborted) {
      const now = clock.now();
      const asked = this.#asked.delete(policy.name);
      if (asked) await catalog.makeDue(policy.name, {});
      const full = asked || !known || isOver(fullAt, now, policy.detect.full);
      const { whole, listed } = await this.#look(policy, full, known);
      if (full) fullAt = now + (whole ? policy.detect.full : retryFullAfter(policy));
      known ||= listed;
      await this.#pause(policy);
    }
  }

  /** Takes away what the passes have let go; beside them, so that new objects flow however much there is to delete. */
  async #delete(policy: Policy): Promise<void> {
    if (policy.deleteAfter === undefined) return;
    const { clock } = this.#replicator.engine;
    const deletions = new Deletions(this.#replicator.engine, policy);
    while (!this.#stop.signal.aborted) {
      await deletions.round(this.#stop.signal);
      try {
        await clock.sleep(policy.detect.every, this.#stop.signal);
      } catch (error) {
        if (!this.#stop.signal.aborted) throw error;
      }
    }
  }

  /** Also where nothing is kept any more: what was kept before goes when its time is over. */
  async #expire(policy: Policy): Promise<void> {
    const { engine } = this.#replicator;
    while (!this.#stop.signal.aborted) {
      await expireKept(engine, policy, this.#stop.signal);
      try {
        await engine.clock.sleep(policy.detect.every, this.#stop.signal);
      } catch (error) {
        if (!this.#stop.signal.aborted) throw error;
      }
    }
  }

  async #abortOrphans(): Promise<void> {
    const { engine, policies } = this.#replicator;
    const targets = [...new Set(policies.flatMap((policy) => policy.targets))];
    while (!this.#stop.signal.aborted) {
      await abortOrphans(engine, targets, this.#stop.signal);
      try {
        await engine.clock.sleep(orphansEvery, this.#stop.signal);
      } catch (error) {
        if (!this.#stop.signal.aborted) throw error;
      }
    }
  }

  /** @returns whether every listing was whole, and that of the source. */
  async #look(
    policy: Policy,
    full: boolean,
    known: boolean,
  ): Promise<{ readonly whole: boolean; readonly listed: boolean }> {
    const { engine } = this.#replicator;
    const { log, metrics, clock } = engine;
    try {
      const { summary, seen } = full ? await this.#fullPass(policy, known) : await this.#pass(policy, false);
      const seconds = (summary.finishedAt - summary.startedAt) / 1000;
      metrics.passFinished(policy.name, summary.outcome, seconds, clock.now());
      const fields = { policy: policy.name, objects: seen.listed, seconds, full, reasons: summary.reasons };
      log[summary.outcome === 'complete' ? 'debug' : 'warn'](fields, `pass ${summary.outcome}`);
      return { whole: summary.outcome === 'complete', listed: seen.sourceFailure === undefined };
    } catch (error) {
      const nothing = { whole: false, listed: false };
      if (this.#stop.signal.aborted) return nothing;
      if (!(error instanceof ProviderError)) throw error;
      log.warn({ policy: policy.name, error: errorMessage(error) }, 'the pass failed; it is tried again');
      return nothing;
    }
  }

  async #pass(policy: Policy, full: boolean): Promise<Pass> {
    const options = { full, deep: false, dryRun: false, onProgress: () => undefined };
    return await runPass(this.#replicator.engine, policy, options, this.#stop.signal);
  }

  /** It takes as long as the slowest listing; what is new meanwhile does not wait for that. */
  async #fullPass(policy: Policy, known: boolean): Promise<Pass> {
    using over = new Leash(this.#stop.signal);
    const glancing = known ? this.#glance(policy, over.signal) : undefined;
    try {
      return await this.#pass(policy, true);
    } finally {
      over.abort(new Error('the pass is over'));
      await glancing;
    }
  }

  async #glance(policy: Policy, over: AbortSignal): Promise<void> {
    const { engine } = this.#replicator;
    while (!over.aborted) {
      try {
        await engine.clock.sleep(policy.detect.every, over);
        await glance(engine, policy, () => undefined, over);
      } catch (error) {
        if (over.aborted) return;
        if (!(error instanceof ProviderError)) return this.#fail(error);
      }
    }
  }

  /** Rests until the next pass is due, somebody asks for one, or the daemon stops. */
  async #pause(policy: Policy): Promise<void> {
    if (this.#asked.has(policy.name)) return;
    const { clock } = this.#replicator.engine;
    using early = new Leash(this.#stop.signal);
    this.#wakers.set(policy.name, () => early.abort(new Error('a pass was asked for')));
    try {
      await clock.sleep(policy.detect.every, early.signal);
    } catch (error) {
      if (!early.signal.aborted) throw error;
    } finally {
      this.#wakers.delete(policy.name);
    }
  }

  async #tend(): Promise<void> {
    const { engine, policies } = this.#replicator;
    const targets = policies.flatMap((policy) => policy.targets);
    const reconnecting = new Reconnecting('target', targets, engine.log, (error) => this.#fail(error));
    try {
      while (!this.#stop.signal.aborted) {
        reconnecting.round(this.#stop.signal);
        await this.#replicator.noteProviders();
        await engine.clock.sleep(tendEvery, this.#stop.signal).catch(() => undefined);
      }
    } finally {
      await reconnecting.over();
    }
  }
}

/**
 * Whether what the catalog lacks is new. To one that was lost all is, and to one that was put back much: what the targets
 * have of that is seen together with the source, or not at all.
 */
function isCurrent({ lastCompletePassAt }: PolicyState, { detect }: Policy, now: number): boolean {
  const age = now - (lastCompletePassAt ?? -Infinity);
  return age >= 0 && age <= detect.full;
}
