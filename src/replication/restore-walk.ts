import { CatalogError } from '../catalog/errors.ts';
import type { KeptVersion } from '../catalog/kept.ts';
import type { ObjectRow } from '../catalog/rows.ts';
import { errorMessage, ProviderError } from '../objects/errors.ts';
import { compareKeys, type Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { Cursor, cursorOfListing, smallestKey, type OnIgnored } from './cursor.ts';
import type { RestoreEngine, RestorePolicy, RestoreTo } from './restore-plan.ts';
import type { Site } from './site.ts';

/** A copy, or what a listing takes for one. */
export interface Standing {
  readonly site: Site;
  readonly info: ObjectInfo;
}

/** Everything that is known of one key before anything of it is read. */
export interface Sighting {
  readonly key: Key;
  readonly row: ObjectRow | undefined;
  /** In the order in which they are to be read. */
  readonly standing: readonly Standing[];
  /** What stands at the destination. */
  readonly there: ObjectInfo | undefined;
}

export interface WalkPlaces {
  readonly from: readonly Site[];
  /** Undefined where nothing is there yet. */
  readonly to: RestoreTo | undefined;
  readonly prefix: string;
  /** Objects of which only something is kept take part too. */
  readonly kept: boolean;
  readonly onUnreached: (site: Site, error: ProviderError) => void;
}

/**
 * The catalog, where there is one, the candidates' listings and the destination's together, in key order, one page of each
 * in memory. A candidate whose listing fails drops out, and so does a catalog; the destination's listing must not fail.
 */
export class RestoreWalk implements AsyncDisposable {
  readonly #engine: RestoreEngine;
  readonly #policy: RestorePolicy;
  readonly #places: WalkPlaces;
  readonly #signal: AbortSignal;
  readonly #listings: Map<Site, Cursor<ObjectInfo>>;
  readonly #there: Cursor<ObjectInfo>;
  #rows: Cursor<ObjectRow>;
  #kept: Cursor<KeptVersion>;

  constructor(engine: RestoreEngine, policy: RestorePolicy, places: WalkPlaces, signal: AbortSignal) {
    this.#engine = engine;
    this.#policy = policy;
    this.#places = places;
    this.#signal = signal;
    const { prefix, from, to } = places;
    this.#rows = new Cursor(engine.catalog?.scan(policy.name, { prefix }) ?? nothing());
    this.#kept = new Cursor((places.kept ? engine.catalog?.scanKept(policy.name, { prefix }) : undefined) ?? nothing());
    this.#listings = new Map(from.map((site) => [site, this.#listing(site, this.#onIgnoredAt(site))]));
    this.#there = to === undefined ? new Cursor(nothing()) : this.#listing(to.site);
  }

  async *sightings(): AsyncGenerator<Sighting, void, undefined> {
    for (;;) {
      await this.#settle();
      const key = smallestKey([this.#rows, this.#kept, ...this.#listings.values()]);
      if (key === undefined) return;
      const row = this.#rows.take(key);
      const kept = await this.#hasKept(key);
      const standing = [...this.#listings].flatMap(([site, cursor]): Standing[] => {
        const info = cursor.take(key);
        return info === undefined ? [] : [{ site, info }];
      });
      const there = await this.#standsThere(key);
      // What the catalog does not know may be another policy's.
      if (row !== undefined || kept || this.#policy.includes(key)) yield { key, row, standing, there };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.#rows, this.#kept, this.#there, ...this.#listings.values()].map(async (cursor) => await cursor.close()),
    );
  }

  async #settle(): Promise<void> {
    for (const cursor of [this.#rows, this.#kept, this.#there, ...this.#listings.values()])
      if (!cursor.settled) cursor.ask();
    if (!this.#rows.settled || !this.#kept.settled) await this.#settleRows();
    for (const [site, cursor] of this.#listings) if (!cursor.settled) await this.#settleListing(site, cursor);
  }

  /** The copies tell what the catalog does not. */
  async #settleRows(): Promise<void> {
    try {
      await this.#rows.settle();
      await this.#kept.settle();
    } catch (error) {
      if (!(error instanceof CatalogError)) throw error;
      this.#engine.onCatalogLost(error);
      this.#rows = new Cursor(nothing());
      this.#kept = new Cursor(nothing());
      await Promise.all([this.#rows.settle(), this.#kept.settle()]);
    }
  }

  async #settleListing(site: Site, cursor: Cursor<ObjectInfo>): Promise<void> {
    try {
      await cursor.settle();
    } catch (error) {
      if (this.#signal.aborted) throw error;
      this.#listings.delete(site);
      this.#places.onUnreached(site, failureOf(error, site));
    }
  }

  async #hasKept(key: Key): Promise<boolean> {
    let found = false;
    while (this.#kept.take(key) !== undefined) {
      found = true;
      await this.#kept.settle();
    }
    return found;
  }

  async #standsThere(key: Key): Promise<ObjectInfo | undefined> {
    const cursor = this.#there;
    for (;;) {
      if (!cursor.settled) await cursor.settle();
      const { current } = cursor;
      if (current === undefined || compareKeys(current.key, key) >= 0) return cursor.take(key);
      cursor.take(current.key);
    }
  }

  #listing({ provider }: Site, onIgnored?: OnIgnored): Cursor<ObjectInfo> {
    return cursorOfListing(provider.list({ prefix: this.#places.prefix }, this.#signal), onIgnored);
  }

  /** A link may stand for a whole tree of copies. A catalog names those that are missed for it; without one nothing does. */
  #onIgnoredAt(site: Site): OnIgnored | undefined {
    if (this.#engine.catalog !== undefined) return undefined;
    return (key, reason) => {
      const message = `what is at ${key} is passed over, for ${reason}`;
      this.#places.onUnreached(site, new ProviderError('unsupported', message, { provider: site.name, key }));
    };
  }
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}

function failureOf(error: unknown, { name }: Site): ProviderError {
  if (error instanceof ProviderError) return error;
  return new ProviderError('unavailable', `the listing failed: ${errorMessage(error)}`, {
    provider: name,
    cause: error,
  });
}
