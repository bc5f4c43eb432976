import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { ClaimRequest, ClaimToken } from '../../../src/catalog/claims.ts';
import type { OrphanRequest, UploadNote } from '../../../src/catalog/uploads.ts';
import type { Process } from '../world/process.ts';
import type { Doer } from '../world/store.ts';
import type { LeftUpload } from '../world/uploads.ts';
import type { World } from '../world/world.ts';
import type { Model } from './model.ts';

interface UploadLine {
  readonly id: number;
  readonly given_up: number;
}

interface LeaseLine {
  readonly lease_owner: string | null;
  readonly lease_until: number | null;
  readonly lease_token: number;
  readonly object_id: number;
}

const ofCheckpoint = 'select id, given_up from uploads where checkpoint = ?';
const leaseOf = `select o.lease_owner, o.lease_until, o.lease_token, o.id as object_id from uploads u join objects o on o.id = u.object_id where u.id = ?`;

/** Uploads that are not made an object yet: nobody's work is thrown away, and nothing is left lying about. */
export class UploadWatch {
  readonly #world: World;
  readonly #model: Model;
  /** Who last noted one as its own. */
  readonly #owners = new Map<string, string>();
  readonly #givenUp = new Set<number>();
  readonly #thrownAway = new Map<string, string>();
  /** By object, the newest lease that anybody was told of. */
  readonly #leases = new Map<number, number>();

  constructor(world: World, model: Model) {
    this.#world = world;
    this.#model = model;
  }

  onCatalogLost(): void {
    this.#owners.clear();
    this.#givenUp.clear();
    this.#leases.clear();
  }

  leased(claims: readonly ClaimToken[]): void {
    for (const { objectId, token } of claims) this.#leases.set(objectId, token);
  }

  /** At the very moment it is thrown away at the store. */
  onAbort(store: string, { checkpoint }: LeftUpload, by: Doer): void {
    if (typeof by === 'string') return;
    this.#thrownAway.set(checkpoint, by.process);
    const row = this.#world.database.get<UploadLine>(ofCheckpoint, checkpoint);
    if (row === undefined || row.given_up === 1 || this.#owners.get(checkpoint) === by.process) return;
    this.#model.violated('nobody throws away what another one works on', `${by.process}: ${checkpoint} at ${store}`);
  }

  noted(process: string, notes: readonly UploadNote[]): void {
    for (const { id, checkpoint, end } of notes) {
      if (end === 'given-up') this.#givenUp.add(id);
      if (checkpoint === undefined) continue;
      this.#owners.set(checkpoint, process);
      const by = this.#thrownAway.get(checkpoint);
      if (by !== undefined && by !== process) {
        this.#model.violated('nobody throws away what another one works on', `${by}: ${checkpoint} of ${process}`);
      }
    }
  }

  taken(process: string, checkpoints: readonly (string | null)[]): void {
    for (const checkpoint of checkpoints) if (checkpoint !== null) this.#owners.set(checkpoint, process);
  }

  claimed(process: string, ids: readonly number[]): void {
    const now = this.#world.scheduler.now();
    for (const id of ids) {
      const lease = this.#world.database.get<LeaseLine>(leaseOf, id);
      const live = typeof lease?.lease_owner === 'string' && (lease.lease_until ?? 0) > now;
      // One that nobody was told of yet was taken after this, and does not get this upload.
      if (live && this.#leases.get(lease.object_id) === lease.lease_token && !this.#givenUp.has(id)) {
        this.#model.violated(
          'nobody throws away what another one works on',
          `${process}: upload ${id}, its object is leased to ${lease.lease_owner}`,
        );
      }
      this.#givenUp.add(id);
    }
  }

  /** What is still open at the end although the program knew of it. */
  left(): string[] {
    const places = this.#world.targets.map(({ name }) => this.#world.place(name).store);
    return places.flatMap(({ name, uploads }) =>
      [...uploads.open.keys()]
        .filter((checkpoint) => this.#owners.has(checkpoint))
        .map((checkpoint) => `${checkpoint} at ${name} is neither completed nor thrown away`),
    );
  }
}

export function watchingUploads(catalog: Catalog, { name }: Process, watch: UploadWatch): Catalog {
  const noteUploads = async (claim: ClaimToken, notes: readonly UploadNote[]): Promise<boolean> => {
    const known = await catalog.noteUploads(claim, notes);
    if (known) watch.noted(name, notes);
    return known;
  };
  const uploadsOf = async (claim: ClaimToken): ReturnType<Catalog['uploadsOf']> => {
    const rows = await catalog.uploadsOf(claim);
    watch.taken(
      name,
      rows.map(({ checkpoint }) => checkpoint),
    );
    return rows;
  };
  const claim = async (request: ClaimRequest): ReturnType<Catalog['claim']> => {
    const claims = await catalog.claim(request);
    watch.leased(claims);
    return claims;
  };
  const claimOrphans = async (request: OrphanRequest): ReturnType<Catalog['claimOrphans']> => {
    const claims = await catalog.claimOrphans(request);
    watch.claimed(
      name,
      claims.map(({ id }) => id),
    );
    return claims;
  };
  const watched = { noteUploads, uploadsOf, claim, claimOrphans };
  return new Proxy(catalog, {
    get: (target, property): unknown =>
      Reflect.get(property in watched ? watched : target, property, property in watched ? watched : target),
  });
}
