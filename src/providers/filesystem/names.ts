import type { Dirent } from 'node:fs';
import type { Disk } from './disk.ts';
import { isErrno } from './errors.ts';
import type { Raw } from './raw.ts';

/** One name in a directory; a directory's ends in '/', which is how it sorts among keys. */
export interface Child {
  readonly name: Raw;
  readonly kind: 'file' | 'directory' | 'ignored';
  /** Of a directory, where links are followed: device and inode. */
  readonly id?: string;
  /** Why it is no object. */
  readonly reason?: string;
}

export interface NamesOptions {
  readonly disk: Disk;
  /** Whether this name, or anything below this directory, is asked for. */
  readonly wanted: (name: Raw) => boolean;
  readonly follow: boolean;
  /** Identities of directories that a link must not lead to. */
  readonly above: ReadonlySet<string>;
  /** How many names are held in memory at most, twice over. */
  readonly limit: number;
}

/**
 * The names in a directory in byte order, in batches. A directory with more names than `limit` is read again for
 * every batch: memory stays bounded, and a name that exists throughout appears exactly once.
 */
export async function* namesIn(
  directory: Raw,
  options: NamesOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly Child[], void, undefined> {
  let last: Raw = '';
  for (;;) {
    const smallest = new Smallest(options.limit);
    for await (const child of childrenOf(directory, options, signal)) if (child.name > last) smallest.add(child);
    const { children, complete } = smallest.take();
    yield children;
    if (complete) return;
    last = children.at(-1)?.name ?? last;
  }
}

async function* childrenOf(
  directory: Raw,
  options: NamesOptions,
  signal: AbortSignal,
): AsyncGenerator<Child, void, undefined> {
  for await (const entries of options.disk.entries(directory, signal)) {
    for (const entry of entries) {
      signal.throwIfAborted();
      const child = await childOf(directory, entry, options);
      if (child !== undefined && options.wanted(child.name)) yield child;
    }
  }
}

async function childOf(directory: Raw, entry: Dirent, options: NamesOptions): Promise<Child | undefined> {
  if (entry.isSymbolicLink()) return await link(directory, entry.name, options);
  if (options.follow && entry.isDirectory()) return await identified(directory, entry.name, options);
  return plain(entry);
}

async function identified(directory: Raw, name: Raw, { disk }: NamesOptions): Promise<Child | undefined> {
  try {
    const { dev, ino } = await disk.stat(`${directory}/${name}`);
    return { name: `${name}/`, kind: 'directory', id: `${dev}:${ino}` };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function plain(entry: Dirent): Child {
  const { name } = entry;
  if (entry.isDirectory()) return { name: `${name}/`, kind: 'directory' };
  return entry.isFile() ? { name, kind: 'file' } : { name, kind: 'ignored', reason: describe(entry) };
}

function describe(entry: Pick<Dirent, 'isFIFO' | 'isSocket'>): string {
  if (entry.isFIFO()) return 'it is a named pipe';
  return entry.isSocket() ? 'it is a socket' : 'it is a device';
}

async function link(directory: Raw, name: Raw, { disk, follow, above }: NamesOptions): Promise<Child> {
  if (!follow) return { name, kind: 'ignored', reason: skippedLink };
  try {
    const target = await disk.stat(`${directory}/${name}`);
    if (target.isFile()) return { name, kind: 'file' };
    if (!target.isDirectory()) return { name, kind: 'ignored', reason: `${describe(target)}, by a symbolic link` };
    const id = `${target.dev}:${target.ino}`;
    if (!above.has(id)) return { name: `${name}/`, kind: 'directory', id };
    return { name, kind: 'ignored', reason: 'it is a symbolic link to a directory above it, or to .holdfast' };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR'))
      return { name, kind: 'ignored', reason: 'it is a symbolic link to nothing' };
    if (isErrno(error, 'ELOOP')) return { name, kind: 'ignored', reason: 'it is a symbolic link that leads to itself' };
    throw error;
  }
}

export const skippedLink = 'it is a symbolic link; set `symlinks: follow` to copy what it leads to';

/** Keeps the smallest names of many, in memory for at most twice the limit. */
class Smallest {
  readonly #limit: number;
  #children: Child[] = [];
  #complete = true;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(child: Child): void {
    this.#children.push(child);
    if (this.#children.length >= 2 * this.#limit) this.#cut();
  }

  take(): { readonly children: readonly Child[]; readonly complete: boolean } {
    this.#cut();
    return { children: this.#children, complete: this.#complete };
  }

  #cut(): void {
    this.#children.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (this.#children.length <= this.#limit) return;
    this.#children = this.#children.slice(0, this.#limit);
    this.#complete = false;
  }
}
