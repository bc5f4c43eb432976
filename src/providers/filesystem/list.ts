import type { Key } from '../../objects/key.ts';
import { reservedPrefix } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import { isErrno } from './errors.ts';
import { decodeKey, encodeKey, isPlainDirectory, keysDirectory, openDirectory, ownDirectory } from './layout.ts';
import type { Locator } from './locate.ts';
import { mapInOrder, mergeInOrder } from './ordered.ts';
import { skippedLink } from './names.ts';
import type { Raw } from './raw.ts';
import { keyFromRaw, rawFromKey } from './raw.ts';
import type { Root } from './root.ts';
import { infoOf } from './version.ts';
import type { Step, WalkOptions } from './walk.ts';
import { walk } from './walk.ts';

interface ListerParts {
  readonly root: Root;
  readonly locator: Locator;
  readonly follow: boolean;
  /** Names of one directory held in memory; more are read in several passes. */
  readonly maxNames: number;
}

/** What a listing says of one key. */
type Item = { readonly raw: Raw } & ({ readonly info: ObjectInfo } | { readonly ignored: string });

/** Lists objects in key order: the plain tree merged with the encoded keys; where both hold a key, the plain one counts. */
export class Lister {
  readonly #parts: ListerParts;

  constructor(parts: ListerParts) {
    this.#parts = parts;
  }

  /** @throws Refusal `unavailable` when the root is not the directory it was, also at the end of a listing. */
  async *pages(options: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage, void, undefined> {
    const prefix = rawFromKey(options.prefix ?? '');
    const after = rawFromKey(options.after ?? '');
    await this.#parts.root.verify();
    const items = mergeInOrder(
      this.#plain(prefix, after, signal),
      this.#encoded(prefix, after, signal),
      (item) => item.raw,
    );
    yield* paged(items);
    await this.#parts.root.verify();
  }

  async *#plain(prefix: Raw, after: Raw, signal: AbortSignal): AsyncGenerator<Item, void, undefined> {
    const { root, follow, maxNames } = this.#parts;
    if (prefix.startsWith(reservedPrefix)) return yield* this.#open(prefix, after, signal);
    const start = follow ? '' : prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (!isPlainDirectory(start)) return;
    const blocked = await this.#blocked(start);
    if (blocked === undefined) {
      const range = { base: root.path, start, prefix, after, except: ownDirectory };
      const tree: WalkOptions = { disk: root.disk, ...range, follow, maxNames };
      yield* mapInOrder(walk(tree, signal), lookahead, (step) => this.#item(step.path, step, root.path));
    } else if (blocked !== '') yield { raw: start, ignored: blocked };
  }

  /** The part of our own directory that lies plain. */
  async *#open(prefix: Raw, after: Raw, signal: AbortSignal): AsyncGenerator<Item, void, undefined> {
    const { root, maxNames } = this.#parts;
    const within = openDirectory.startsWith(prefix) ? openDirectory : prefix;
    if (!within.startsWith(openDirectory)) return;
    const range = { base: root.path, start: openDirectory, prefix: within, after };
    const tree: WalkOptions = { disk: root.disk, ...range, follow: false, maxNames };
    yield* mapInOrder(walk(tree, signal), lookahead, async (step) => await this.#item(step.path, step, root.path));
  }

  /** Why the directory to start in is not walked: '' when it is not there; undefined when nothing is against it. */
  async #blocked(start: Raw): Promise<string | undefined> {
    if (start === '') return undefined;
    const way = await this.#parts.locator.checkWay(start.slice(0, -1));
    if (way === 'exact') return undefined;
    return way === 'linked' ? skippedLink : '';
  }

  async *#encoded(prefix: Raw, after: Raw, signal: AbortSignal): AsyncGenerator<Item, void, undefined> {
    const { root, maxNames } = this.#parts;
    const base = root.at(keysDirectory);
    const range = { start: '', prefix: encodeKey(prefix), after: encodeKey(after) };
    const steps = walk({ disk: root.disk, base, ...range, follow: false, maxNames }, signal);
    const visible = prefix.startsWith(reservedPrefix);
    yield* mapInOrder(steps, lookahead, async (step) => {
      const raw = decodeKey(step.path);
      if (raw === undefined || step.ignored !== undefined || (!visible && raw.startsWith(reservedPrefix)))
        return undefined;
      return await this.#item(raw, step, base);
    });
  }

  async #item(raw: Raw, step: Step, base: Raw): Promise<Item | undefined> {
    if (step.ignored !== undefined) return { raw, ignored: step.ignored };
    const { disk } = this.#parts.root;
    try {
      const path = `${base}/${step.path}`;
      const found = await (this.#parts.follow ? disk.stat(path) : disk.lstat(path));
      if (found.isFile()) return { raw, info: infoOf(keyFromRaw(raw), found) };
      // Replaced since its name was read. What a directory now holds is new, and no part of this listing.
      return found.isDirectory() ? undefined : { raw, ignored: 'it is no regular file' };
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      if (isErrno(error, 'ENAMETOOLONG')) return { raw, ignored: 'its path is too long to be read' };
      throw error;
    }
  }
}

/** Files asked about at once. */
const lookahead = 16;
const pageSize = 1_000;

async function* paged(items: AsyncIterable<Item>): AsyncGenerator<ListPage, void, undefined> {
  let entries: ObjectInfo[] = [];
  let ignored: { readonly key: Key; readonly reason: string }[] = [];
  for await (const item of items) {
    if ('info' in item) entries.push(item.info);
    else ignored.push({ key: keyFromRaw(item.raw), reason: item.ignored });
    if (entries.length + ignored.length < pageSize) continue;
    yield pageOf(entries, ignored);
    [entries, ignored] = [[], []];
  }
  if (entries.length + ignored.length > 0) yield pageOf(entries, ignored);
}

function pageOf(entries: readonly ObjectInfo[], ignored: NonNullable<ListPage['ignored']>): ListPage {
  return ignored.length === 0 ? { entries } : { entries, ignored };
}
