import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { Outlasting } from '../catalog/outlast.ts';
import { openSqliteCatalog } from '../catalog/sqlite/open.ts';
import { fromTransfer } from '../config/transfer.ts';
import { watchMemoryOfThread } from '../memory-watch.ts';
import { systemClock } from '../objects/clock.ts';
import { rowOf } from '../policies.ts';
import type { Reached } from '../providers/once-reached.ts';
import { openPlaces, selectPolicies, type Places } from '../replicator.ts';
import type { SharedBytes } from '../replication/byte-pool.ts';
import type { Engine } from '../replication/worker.ts';
import { engineOf } from '../sites.ts';
import { createLogger } from '../telemetry/log.ts';
import { countedIn } from './counted-in.ts';
import { failureOf } from './failure.ts';
import type { Beginning, Order, Word } from './messages.ts';
import { RelayedMetrics } from './relayed-metrics.ts';
import { WorkerRun } from './worker-run.ts';

/** How often what was done is told, in milliseconds. */
const tellEvery = 200;

/**
 * A thread that works beside the main one, as another process on the same catalog would: with a connection of its own to
 * the catalog and to every provider. It looks for nothing and decides nothing; it is told what to work on.
 */
export class WorkerThread {
  readonly #engine: Engine;
  readonly #places: Places;
  readonly #port: MessagePort;
  readonly #relayed: RelayedMetrics;
  #share: { readonly of: number };
  #run: WorkerRun | undefined;
  /** Those that the main thread has reached, with their identities: the providers here look it up. */
  #reached = new Map<string, string | undefined>();
  /** Orders about limits of which it is not said yet that no more is under way than they allow. */
  #dealt = 0;

  private constructor(
    engine: Engine,
    places: Places,
    port: MessagePort,
    relayed: RelayedMetrics,
    share: { readonly of: number },
  ) {
    this.#engine = engine;
    this.#places = places;
    this.#port = port;
    this.#relayed = relayed;
    this.#share = share;
  }

  /** Until it is told to close. */
  static async run(beginning: Beginning, port: MessagePort): Promise<void> {
    const { lacking, share, most } = beginning;
    const config = fromTransfer(beginning.config);
    const log = createLogger(beginning.log);
    const relayed = new RelayedMetrics();
    const core = { clock: systemClock, random: Math.random, log, metrics: relayed.metrics, threads: most };
    const givenUp = new AbortController();
    const outlasting = new Outlasting(systemClock, givenUp.signal, () => undefined);
    await using opened = new AsyncDisposableStack();
    const outlast = beginning.outlasts ? { outlast: outlasting.around } : {};
    const catalog = opened.adopt(
      await openSqliteCatalog({ path: config.catalog.file, clock: systemClock, ...outlast }),
      async (open) => await open[Symbol.asyncDispose](),
    );
    const reached = new Map<string, string | undefined>();
    const places = opened.use(await openPlaces(config, { ...core, lacking, share, reached }));
    await catalog.syncPolicies(config.policies.map(rowOf), { forget: false });
    const pool = (total: number, target?: string): SharedBytes => countedIn(beginning, total, target);
    const owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
    const engine: Engine = { ...engineOf(config, core, places.limits, pool), catalog, owner };
    const thread = new WorkerThread(engine, places, port, relayed, share);
    thread.#reached = reached;
    opened.use(watchMemoryOfThread(config.limits.memory, () => thread.#share.of));
    await thread.#obey(givenUp);
  }

  async #obey(givenUp: AbortController): Promise<void> {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    const telling = setInterval(() => this.#tell(), tellEvery);
    this.#port.on('message', (order: Order) => {
      if (order.kind === 'close') close();
      else this.#follow(order, givenUp);
    });
    this.#say({ kind: 'news', metrics: [], done: {}, pending: 0 });
    await closed;
    givenUp.abort();
    this.#run?.abort();
    // What it ended by was told already.
    await this.#run?.ended.catch(() => undefined);
    clearInterval(telling);
    this.#tell();
    this.#port.close();
  }

  #follow(order: Exclude<Order, { readonly kind: 'close' }>, givenUp: AbortController): void {
    if (order.kind === 'work') this.#work(order);
    else if (order.kind === 'due-before') this.#run?.setDueBefore(order.dueBefore);
    else if (order.kind === 'reached') this.#reach(order.reached);
    else if (order.kind === 'stop') this.#run?.stop();
    else if (order.kind === 'abort') {
      givenUp.abort();
      this.#run?.abort();
    } else {
      this.#share = order.share;
      this.#places.limits.change(order.limits);
      this.#places.limits.deal(order.share);
      this.#dealt += 1;
    }
  }

  #reach(reached: Reached): void {
    for (const [name, identity] of reached) this.#reached.set(name, identity);
  }

  #work({ policies, prefix, dueBefore, reached }: Extract<Order, { readonly kind: 'work' }>): void {
    this.#reach(reached);
    const selected = policies.flatMap((name) => selectPolicies(this.#places.policies, name));
    const run = new WorkerRun(this.#engine, selected, prefix, dueBefore);
    this.#run = run;
    const ended = (failure: unknown): void => {
      this.#tell();
      this.#say({ kind: 'ended', failure: failure === undefined ? undefined : failureOf(failure) });
    };
    run.ended.then(() => ended(undefined), ended);
  }

  #tell(): void {
    const metrics = this.#relayed.take();
    const done = this.#run?.grown() ?? {};
    const pending = this.#run?.pending ?? 0;
    const { limits } = this.#places;
    if (this.#dealt > 0 && limits.isSettled && pending <= limits.concurrency.value) {
      this.#say({ kind: 'dealt', times: this.#dealt });
      this.#dealt = 0;
    }
    if (metrics.length > 0 || pending > 0 || Object.keys(done).length > 0)
      this.#say({ kind: 'news', metrics, done, pending });
  }

  #say(word: Word): void {
    this.#port.postMessage(word);
  }
}
