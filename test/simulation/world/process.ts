import type { Catalog } from '../../../src/catalog/catalog.ts';
import { Outlasting } from '../../../src/catalog/outlast.ts';
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { Daemon } from '../../../src/daemon.ts';
import type { Clock, Random } from '../../../src/objects/clock.ts';
import { throttle } from '../../../src/providers/bandwidth.ts';
import { ordered } from '../../../src/providers/ordered.ts';
import { patient } from '../../../src/providers/patient.ts';
import { ranged } from '../../../src/providers/ranged.ts';
import type { MonitoredProvider } from '../../../src/providers/provider.ts';
import { resilient } from '../../../src/providers/resilient.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { Dial } from '../../../src/replication/dial.ts';
import { decideHold } from '../../../src/replication/hold.ts';
import type { Policy } from '../../../src/replication/policy.ts';
import { reconcile, type ReconcileReport } from '../../../src/replication/reconcile.ts';
import { Site } from '../../../src/replication/site.ts';
import type { Engine } from '../../../src/replication/worker.ts';
import { silentLog, type Log } from '../../../src/telemetry/log.ts';
import { noMetrics } from '../../../src/telemetry/metrics.ts';
import { seededRandom } from '../../support/random.ts';
import { SimulatedProvider } from './client.ts';
import { clockOf, type Owner } from './scheduler.ts';
import type { World } from './world.ts';

/** What is asked of a process of the program. */
export type Order =
  | { readonly do: 'daemon' }
  | { readonly do: 'reconcile'; readonly deep: boolean; readonly dryRun: boolean }
  | { readonly do: 'decide'; readonly decision: 'released' | 'rejected' };

/** One process of the program on the world's catalog and providers, from its start to its end or death. */
export class Process implements Owner {
  dead = false;
  inFlight = 0;
  idle = 0;
  readonly name: string;
  readonly order: Order;
  /** What `reconcile` told. */
  report: ReconcileReport | undefined;
  /** What ended it, if it was an error. */
  failure: { readonly error: unknown } | undefined;
  engine: Engine | undefined;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #stop = new AbortController();
  readonly #givenUp = new AbortController();
  #daemon: Daemon | undefined;

  constructor(world: World, name: string, order: Order, seed: number) {
    this.#world = world;
    this.name = name;
    this.order = order;
    this.#clock = clockOf(world.scheduler, this);
    this.#random = seededRandom(seed);
  }

  /** Nothing of it ever goes on. */
  die(): void {
    this.dead = true;
  }

  /** What a SIGTERM asks for. */
  drain(): void {
    if (this.#daemon === undefined) this.#stop.abort(new Error('it was interrupted'));
    else this.#daemon.drain(25_000);
  }

  /** Runs until its order is done or it fails; for ever, if it dies. */
  async run(): Promise<void> {
    try {
      await this.#obey();
    } catch (error) {
      this.failure = { error };
    }
  }

  async #obey(): Promise<void> {
    const { database, model } = this.#world;
    // As the command has it: only the daemon outlasts a full disk.
    const outlasting = new Outlasting(this.#clock, this.#givenUp.signal, () => undefined);
    const outlast = this.order.do === 'daemon' ? outlasting.around : undefined;
    // Before the loops run, whoever ends it ends its waiting for the disk too.
    const stopOpening = (): void => this.#givenUp.abort();
    this.#stop.signal.addEventListener('abort', stopOpening, { once: true });
    const real = new SqliteCatalog(database, this.#clock, outlast);
    const catalog = gated(model.watching(real, this), this);
    const policy = this.#policy();
    const rows = [{ name: policy.name, source: policy.source.name, targets: policy.targets.map(({ name }) => name) }];
    await catalog.syncPolicies(
      rows.map((row) => ({ ...row, minCopies: policy.minCopies })),
      { forget: true },
    );
    this.#stop.signal.removeEventListener('abort', stopOpening);
    const engine = this.#makeEngine(catalog);
    this.engine = engine;
    const { order } = this;
    if (order.do === 'daemon') await this.#runDaemon(engine, policy);
    else if (order.do === 'decide') await decideHold(catalog, policy, order.decision, this.name);
    else {
      const { deep, dryRun } = order;
      const options = { deep, dryRun, onProgress: () => undefined };
      this.report = await reconcile(engine, policy, options, this.#stop.signal);
    }
    await catalog[Symbol.asyncDispose]();
  }

  async #runDaemon(engine: Engine, policy: Policy): Promise<void> {
    const sites = [policy.source, ...policy.targets];
    const noteProviders = async (): Promise<void> => {
      const at = this.#clock.now();
      await engine.catalog.noteProviders(sites.map((site) => ({ provider: site.name, at, ...site.health() })));
    };
    this.#daemon = new Daemon({ engine, policies: [policy], noteProviders });
    this.#daemon.givenUp.addEventListener('abort', () => this.#givenUp.abort(), { once: true });
    if (this.#stop.signal.aborted) this.drain();
    await this.#daemon.run();
  }

  #makeEngine(catalog: Catalog): Engine {
    const clock = this.#clock;
    const { memory, concurrency } = this.#world.plan;
    return {
      catalog,
      clock,
      random: this.#random,
      log: this.#world.verbose ? logOf(this.#world, this.name) : silentLog,
      metrics: noMetrics,
      budget: new ByteBudget(memory),
      throttle: (rate) => throttle(rate, clock),
      concurrency: new Dial(concurrency),
      owner: this.name,
    };
  }

  #policy(): Policy {
    const { plan, source, targets } = this.#world;
    return {
      name: 'p',
      source: this.#site(source.name),
      sourceIdentity: 'the source',
      prefix: '',
      includes: () => true,
      targets: targets.map(({ name }) => this.#site(name)),
      ...plan.policy,
    };
  }

  /** As `providers/open.ts` has it. */
  #site(name: string): Site {
    const clock = this.#clock;
    const place = this.#world.place(name);
    const line = { scheduler: this.#world.scheduler, owner: this, wire: place.wire };
    const bare = new SimulatedProvider({ ...place.settings, store: place.store, doer: { process: this.name }, line });
    const steady = resilient(patient(bare, { clock }), { clock, random: this.#random });
    // Ranges as short as what lies there is small.
    const listed = ranged(ordered(steady), (most) => most, { keys: 3 });
    const provider: MonitoredProvider = { ...listed, health: () => steady.health() };
    return new Site(provider, clock);
  }
}

/** The catalog as a process has it that may die: what a dead one asks for is never done, what it waits for never comes. */
function gated(catalog: Catalog, owner: Owner): Catalog {
  const { promise: never } = Promise.withResolvers<never>();
  return new Proxy(catalog, {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (owner.dead) return never;
        const result: unknown = Reflect.apply(value, target, args);
        if (!(result instanceof Promise)) return result;
        const ended = (): unknown => (owner.dead ? never : result);
        return result.then(ended, ended);
      };
    },
  });
}

function logOf(world: World, name: string): Log {
  const write =
    (level: string) =>
    (fields: object, message: string): void =>
      world.note(`${name} ${level}: ${message} ${JSON.stringify(fields)}`);
  return { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') };
}
