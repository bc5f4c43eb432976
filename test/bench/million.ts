import { join } from 'node:path';
import { bareTargets, s3Target, type BareTarget } from './bare-targets.ts';
import { azureDialect, gcsDialect, s3Dialect } from './dialects.ts';
import { fillCatalog } from './fill-catalog.ts';
import { countRequests, startFront, type Front } from './front.ts';
import { catalogOf, targetNames, writeConfig, type Settings } from './holdfast.ts';
import { startPlaces, startSource, type RunningPlaces, type RunningSource, type World } from './places.ts';
import { lookAtAzure, lookAtGcs, lookAtS3, type Look } from './real-object.ts';
import { syntheticListing, type Dialect } from './synthetic-listing.ts';
import { realKey, syntheticPrefix } from './synthetic.ts';

/** No snapshot of the catalog is taken: that is a cost of its own, once in an hour. */
export const millionSettings: Settings = {
  policy: { prefix: syntheticPrefix },
  config: { snapshot: { keep: 0 } },
};

/** A source and three targets that show any number of objects in their listings, and hold one. */
export class Million implements AsyncDisposable {
  readonly #room: string;
  readonly #source: RunningSource;
  readonly #sourceFront: Front;
  readonly #running: RunningPlaces;
  readonly #counts = new Map<string, number>();
  #changes = 0;
  #resources = new AsyncDisposableStack();

  private constructor(room: string, source: RunningSource, sourceFront: Front, running: RunningPlaces) {
    this.#room = room;
    this.#source = source;
    this.#sourceFront = sourceFront;
    this.#running = running;
    const { behind, fronts } = running;
    this.#answer(sourceFront, s3Dialect, lookAtS3(source));
    this.#answer(fronts[0], s3Dialect, lookAtS3(behind.s3));
    this.#answer(fronts[1], gcsDialect, lookAtGcs(behind.gcs));
    this.#answer(fronts[2], azureDialect, lookAtAzure(behind.azure));
  }

  static async start(room: string): Promise<Million> {
    await using started = new AsyncDisposableStack();
    const source = started.use(await startSource());
    const sourceFront = started.use(await startFront(source.endpoint));
    const running = started.use(await startPlaces(join(room, 'places'), { fronted: true }));
    const million = new Million(room, source, sourceFront, running);
    million.#resources = started.move();
    return million;
  }

  /** A bucket of this name, with so many objects, at the source and at every target. */
  async open(name: string, objects: number): Promise<World> {
    this.#counts.set(name, objects);
    await this.#source.makeBucket(name);
    await this.#running.makeBuckets(name);
    const { accessKeyId, secretAccessKey } = this.#source;
    const source = {
      kind: 's3',
      bucket: name,
      endpoint: this.#sourceFront.endpoint,
      accessKeyId,
      secretAccessKey,
    } as const;
    return { source, places: this.#running.places, bucket: name, directory: join(this.#room, name) };
  }

  /** Has Holdfast's catalog know all of a world's objects but the real one. @returns its configuration. */
  async remember(world: World): Promise<string> {
    const config = await writeConfig(world, millionSettings);
    const policy = { name: 'bench', source: 'source', targets: targetNames, minCopies: 2 };
    await fillCatalog(catalogOf(world), policy, this.#counts.get(world.bucket) ?? 0);
    return config;
  }

  /** Puts the real object, with other bytes each time, at a world's source. */
  async change({ bucket }: World): Promise<void> {
    this.#changes += 1;
    await this.#put([s3Target(this.#source, bucket)]);
  }

  /** The same bytes at a world's targets, as somebody left them who copied it before. */
  async changeCopies({ bucket }: World): Promise<void> {
    await this.#put(bareTargets({ places: this.#running.behind, bucket }));
  }

  /** How many requests came to source and targets since this was last asked. */
  takeRequests(): number {
    const fronts = [this.#sourceFront, ...this.#running.fronts];
    const count = countRequests(fronts);
    for (const { requests } of fronts) requests.clear();
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #answer(front: Front | undefined, dialect: Dialect, real: Look): void {
    front?.answers.push(syntheticListing(dialect, { count: (bucket) => this.#counts.get(bucket) ?? 0, real }));
  }

  async #put(targets: readonly BareTarget[]): Promise<void> {
    const bytes = Buffer.alloc(4096, String(this.#changes));
    await Promise.all(targets.map(async (target) => await target.put(realKey, bytes)));
  }
}
