import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { Process } from '../world/process.ts';
import type { Effect } from '../world/store.ts';
import type { World } from '../world/world.ts';
import { CatalogWatch } from './catalog-watch.ts';
import { Copies } from './copies.ts';
import { fenced } from './fence.ts';
import { Truth } from './truth.ts';
import { UploadWatch, watchingUploads } from './upload-watch.ts';

/** Which promise was broken, and how. */
export interface Violation {
  readonly promise: string;
  readonly what: string;
}

/**
 * What the program promised, checked from outside: it sees every effect at every store with its bytes, and the catalog
 * through SQL of its own. It shares no code with the program.
 */
export class Model {
  readonly violations: Violation[] = [];
  readonly truth = new Truth();
  readonly copies: Copies;
  readonly uploads: UploadWatch;
  readonly #world: World;
  catalogWasLost = false;
  readonly #catalog: CatalogWatch;

  constructor(world: World) {
    this.#world = world;
    this.copies = new Copies(world, this);
    this.uploads = new UploadWatch(world, this);
    this.#catalog = new CatalogWatch(world, this);
  }

  violated(promise: string, what: string): void {
    this.#world.note(`VIOLATED ${promise}: ${what}`);
    if (this.violations.length < 20) this.violations.push({ promise, what });
  }

  onEffect(effect: Effect): void {
    const { passed } = this.#world.scheduler;
    if (effect.store === this.#world.source.name) {
      this.truth.take(effect, passed);
      if (typeof effect.by !== 'string')
        this.violated('the source is never written', `${effect.by.process}: ${effect.key}`);
    } else this.copies.take(effect, passed);
  }

  onCommit(): void {
    if (!this.#world.database.dirty) return;
    this.#world.database.dirty = false;
    this.#catalog.look();
  }

  onCatalogLost(): void {
    this.catalogWasLost = true;
    this.#catalog.forget();
    this.uploads.onCatalogLost();
  }

  /** Watches what a process is answered. */
  watching(catalog: Catalog, process: Process): Catalog {
    return watchingUploads(fenced(catalog, process, this.#world, this), process, this.uploads);
  }

  /** A process ended by itself. */
  onEnd({ name, engine, failure }: Process): void {
    if (engine !== undefined && engine.budget.used !== 0) {
      this.violated('memory is given back', `${name} ended while it held ${engine.budget.used} bytes`);
    }
    if (failure !== undefined && !isExpected(failure.error)) {
      const { error } = failure;
      this.violated(
        'no process ends by surprise',
        `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
  }
}

/** What the world caused ends a process properly; a mistake of the program's own must not. */
function isExpected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ['CatalogError', 'ProviderError'].includes(error.name) || error.message === 'it was interrupted';
}
