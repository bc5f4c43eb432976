import type { ObjectInfo } from '../objects/object.ts';
import type { Key } from '../objects/key.ts';
import { ProviderError } from '../objects/errors.ts';
import { cursorOfListing, smallestKey, type Cursor } from './cursor.ts';
import { historyPrefix, withoutKey } from './kept-name.ts';
import { headIfThere } from './prove.ts';
import type { Site } from './site.ts';

/**
 * The keys of which something is kept at any of these places, as the kept copies tell themselves, each once. Their order is
 * that of the names of what is kept. A place that does not answer drops out.
 */
export async function* keysWithHistory(
  sites: readonly Site[],
  onUnreached: (site: Site, error: ProviderError) => void,
  signal: AbortSignal,
): AsyncGenerator<Key, void, undefined> {
  const listings = new Map(
    sites.map((site) => [site, cursorOfListing(site.provider.list({ prefix: historyPrefix }, signal))]),
  );
  const guarded = async <T>(site: Site, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ProviderError) || signal.aborted) throw error;
      listings.delete(site);
      onUnreached(site, error);
      return undefined;
    }
  };
  try {
    for (;;) {
      for (const [site, cursor] of listings) await guarded(site, async () => await cursor.settle());
      const next = smallestKey([...listings.values()]);
      if (next === undefined) return;
      const group = next.slice(0, next.lastIndexOf('/') + 1);
      let owner: Key | undefined;
      for (const [site, cursor] of listings) {
        const found = await guarded(site, async () => await passGroup(site, cursor, group, owner, signal));
        owner ??= found;
      }
      if (owner !== undefined) yield owner;
    }
  } finally {
    for (const cursor of listings.values()) await cursor.close();
  }
}

/** Moves past what belongs to one object. @returns its key, where it was not known and a copy told. */
async function passGroup(
  { provider }: Site,
  cursor: Cursor<ObjectInfo>,
  group: Key,
  known: Key | undefined,
  signal: AbortSignal,
): Promise<Key | undefined> {
  let owner = known;
  for (;;) {
    await cursor.settle();
    const { current } = cursor;
    if (current === undefined || !current.key.startsWith(group)) return owner;
    if (owner === undefined) {
      const head = await headIfThere(provider, current.key, signal);
      owner = head === undefined ? undefined : withoutKey(head.attributes).key;
    }
    cursor.take(current.key);
  }
}
