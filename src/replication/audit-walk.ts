import PQueue from 'p-queue';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { Cursor, cursorOfListing, smallestKey } from './cursor.ts';
import type { Site } from './site.ts';

/** What the listings show at one key, by target; a target that lists nothing there is in it, one whose listing failed is not. */
export type Standing = ReadonlyMap<string, ObjectInfo | undefined>;

export interface AuditWalkOptions<Known> {
  /** What should be there, in key order. */
  readonly known: AsyncIterable<readonly Known[]>;
  readonly sites: readonly Site[];
  /** Listed is what is below. */
  readonly prefix: string;
  /** Works that go on at once beside the walk. */
  readonly concurrency: number;
  /** A page is waited for. */
  readonly onWait: () => void;
  /** Its listing failed; the walk goes on without it. */
  readonly onUnreached: (target: string, error: ProviderError) => void;
  /** Its listing has something there that is no object. */
  readonly onIgnored?: (target: string, key: Key, reason: string) => void;
}

/** What is known and the targets' listings together, key by key, with the reading of the bytes beside it. */
export class AuditWalk<Known extends { readonly key: Key }> implements AsyncDisposable {
  readonly #options: AuditWalkOptions<Known>;
  readonly #signal: AbortSignal;
  readonly #queue: PQueue;
  readonly #known: Cursor<Known>;
  readonly #listings: Map<string, Cursor<ObjectInfo>>;
  #broken: { readonly error: unknown } | undefined;

  constructor(options: AuditWalkOptions<Known>, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    const { known, sites, prefix, concurrency, onIgnored } = options;
    this.#queue = new PQueue({ concurrency });
    this.#known = new Cursor(known);
    this.#listings = new Map(
      sites.map(({ name, provider }) => [
        name,
        cursorOfListing(provider.list({ prefix }, signal), (key, reason) => onIgnored?.(name, key, reason)),
      ]),
    );
  }

  /**
   * Ends when every key was looked at and all work for `later` is done.
   * @throws what the known threw, or the first work, or a listing when it was aborted.
   */
  async run(look: (key: Key, known: Known | undefined, standing: Standing) => Promise<void> | void): Promise<void> {
    for (;;) {
      await this.#settle();
      const key = smallestKey(this.#cursors());
      if (key === undefined || this.#broken !== undefined) break;
      const standing = new Map([...this.#listings].map(([target, cursor]) => [target, cursor.take(key)]));
      await look(key, this.#known.take(key), standing);
      await this.#queue.onSizeLessThan(2 * this.#options.concurrency);
    }
    await this.#queue.onIdle();
    if (this.#broken !== undefined) throw this.#broken.error;
  }

  /** Done beside the walk, which waits when too much of it waits; its failure ends the walk. */
  later(work: () => Promise<void>): void {
    this.#queue.add(work).catch((error: unknown) => {
      this.#broken ??= { error };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.clear();
    await this.#queue.onIdle();
    await Promise.all(this.#cursors().map(async (cursor) => await cursor.close()));
  }

  #cursors(): readonly Cursor<{ readonly key: Key }>[] {
    return [this.#known, ...this.#listings.values()];
  }

  async #settle(): Promise<void> {
    for (const cursor of this.#cursors()) if (!cursor.settled) cursor.ask();
    if (!this.#known.settled) await this.#known.settle();
    for (const [target, cursor] of this.#listings) {
      if (cursor.settled) continue;
      this.#options.onWait();
      try {
        await cursor.settle();
      } catch (error) {
        if (!(error instanceof ProviderError) || this.#signal.aborted) throw error;
        this.#listings.delete(target);
        this.#options.onUnreached(target, error);
      }
    }
  }
}
