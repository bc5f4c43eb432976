import { ProviderError } from '../objects/errors.ts';
import { connectSoon } from '../replication/connect-soon.ts';
import type { Policy } from '../replication/policy.ts';
import { Tally } from '../replication/tally.ts';
import { Worker, type Engine } from '../replication/worker.ts';
import { Reconnecting } from '../reconnecting.ts';

/** How often a place that could not be reached is tried again, in milliseconds. */
const reconnectEvery = 5_000;

/** One worker in a worker thread, from the order to begin until all it began has ended. */
export class WorkerRun {
  /** @throws what ended the work, when it was not asked to end. */
  readonly ended: Promise<void>;
  readonly #engine: Engine;
  readonly #policies: readonly Policy[];
  readonly #worker: Worker;
  readonly #stop = new AbortController();
  readonly #abort = new AbortController();
  readonly #told = new Tally();
  #dueBefore: number | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(engine: Engine, policies: readonly Policy[], prefix: string | undefined, dueBefore: number | undefined) {
    this.#engine = engine;
    this.#policies = policies;
    this.#dueBefore = dueBefore;
    this.#worker = new Worker(engine, {
      policies,
      // What a source can do decides how it is read, and whether an object there was only touched.
      mayBegin: ({ source }) => source.isReached,
      dueBefore: () => this.#dueBefore,
      ...(prefix === undefined ? {} : { prefix }),
    });
    this.ended = this.#run();
  }

  /** Objects under way. */
  get pending(): number {
    return this.#worker.pending;
  }

  /** By how much each count of the tally grew since it was asked last. */
  grown(): Record<string, number> {
    return this.#worker.tally.grownSince(this.#told);
  }

  setDueBefore(dueBefore: number | undefined): void {
    this.#dueBefore = dueBefore;
  }

  stop(): void {
    this.#stop.abort();
  }

  abort(): void {
    this.#stop.abort();
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    await this.#reach();
    const reconnecting = this.#keepReconnecting();
    try {
      if (!this.#stop.signal.aborted) await this.#worker.run(this.#stop.signal, this.#abort.signal);
    } finally {
      this.#stop.abort();
      await reconnecting;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** First, so that what one target lacks is not read for it alone before the others are reached. */
  async #reach(): Promise<void> {
    const { clock } = this.#engine;
    const signal = this.#stop.signal;
    const sites = this.#policies.flatMap(({ source, targets }) => [
      connectSoon(source, 'source', clock, signal),
      ...targets.map(async (target) => await connectSoon(target, 'target', clock, signal)),
    ]);
    for (const reached of await Promise.allSettled(sites)) {
      if (reached.status === 'rejected' && !(reached.reason instanceof ProviderError) && !signal.aborted)
        throw reached.reason;
    }
  }

  async #keepReconnecting(): Promise<void> {
    const onFailure = (error: unknown): void => {
      this.#failure ??= { error };
      this.abort();
    };
    const { clock, log } = this.#engine;
    const sources = this.#policies.map(({ source }) => source);
    const targets = this.#policies.flatMap((policy) => policy.targets);
    const reconnecting = [
      new Reconnecting('source', sources, log, onFailure),
      new Reconnecting('target', targets, log, onFailure),
    ];
    while (!this.#stop.signal.aborted) {
      for (const places of reconnecting) places.round(this.#stop.signal);
      await clock.sleep(reconnectEvery, this.#stop.signal).catch(() => undefined);
    }
    await Promise.all(reconnecting.map(async (places) => await places.over()));
  }
}
