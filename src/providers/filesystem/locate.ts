import type { BigIntStats } from 'node:fs';
import { Refusal, isErrno } from './errors.ts';
import type { NameRules } from './layout.ts';
import { encodedPath, plainPath } from './layout.ts';
import type { Raw } from './raw.ts';
import type { Root } from './root.ts';

/** A file that holds an object. */
export interface Found {
  /** Relative to the root. */
  readonly path: Raw;
  readonly stat: BigIntStats;
}

/** Where a key is to be written. */
export interface Place {
  readonly path: Raw;
  /** The object that stands at the key now, at `path`. */
  readonly current?: Found;
  /** An encoded file hidden by a plain one that somebody else put there; to be removed once `path` is written. */
  readonly hidden?: Found;
}

/** What stands at a plain path. `taken`: by a directory, below a file, or by a name that only folds to this one. */
type Standing =
  | { readonly kind: 'file'; readonly stat: BigIntStats }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'taken' }
  | { readonly kind: 'foreign'; readonly what: string };

/** Finds the file of a key: at its plain path if a regular file stands there, else at its encoded one. */
export class Locator {
  readonly #root: Root;
  readonly #follow: boolean;
  /** Known once a target was probed; sources are read under any rules. */
  rules: NameRules = { portableOnly: false };

  constructor(root: Root, options: { readonly follow: boolean }) {
    this.#root = root;
    this.#follow = options.follow;
  }

  /** @throws Refusal `not-found`, or `unavailable` when the whole root is not what it was. */
  async find(raw: Raw): Promise<Found> {
    const found = (await this.#findPlain(raw)) ?? (await this.#findEncoded(raw));
    if (found !== undefined) {
      await this.#root.confirm(found.stat);
      return found;
    }
    await this.#root.verify();
    throw new Refusal('not-found', `There is no object at ${this.#root.shown(raw)}.`);
  }

  /** Where the key stands or shall stand. @throws Refusal `unsupported` when a link or special file is in the way. */
  async placeFor(raw: Raw): Promise<Place> {
    const path = plainPath(raw, this.#root.path, this.rules);
    const [plain, encoded] = await Promise.all([
      path === undefined ? ({ kind: 'taken' } as const) : this.#standing(path),
      this.#findEncoded(raw),
    ]);
    if (plain.kind === 'file' && path !== undefined) {
      return { path, current: { path, stat: plain.stat }, ...(encoded === undefined ? {} : { hidden: encoded }) };
    }
    // An object that lies encoded stays so, although its plain path is free again: a write that moved it would
    // let a listing that runs beside it miss the key.
    if (encoded !== undefined) return { path: encoded.path, current: encoded };
    if (plain.kind === 'foreign') throw this.#inTheWay(raw, plain.what);
    return { path: plain.kind === 'nothing' && path !== undefined ? path : encodedPath(raw) };
  }

  async #findPlain(raw: Raw): Promise<Found | undefined> {
    const path = plainPath(raw, this.#root.path, { portableOnly: false });
    if (path === undefined) return undefined;
    const standing = this.#follow ? await this.#standingFollowed(path) : await this.#standing(path);
    return standing.kind === 'file' ? { path, stat: standing.stat } : undefined;
  }

  async #findEncoded(raw: Raw): Promise<Found | undefined> {
    const path = encodedPath(raw);
    const found = await this.#lstat(path);
    return typeof found === 'object' && found.isFile() ? { path, stat: found } : undefined;
  }

  async #standing(path: Raw): Promise<Standing> {
    const found = await this.#lstat(path);
    if (typeof found === 'string') return { kind: found };
    if (found.isSymbolicLink()) return { kind: 'foreign', what: 'a symbolic link' };
    if (found.isDirectory()) return { kind: 'taken' };
    if (!found.isFile()) return { kind: 'foreign', what: 'a socket, pipe or device' };
    const way = await this.checkWay(path);
    if (way === 'exact') return { kind: 'file', stat: found };
    return way === 'linked' ? { kind: 'foreign', what: 'a symbolic link among its directories' } : { kind: way };
  }

  async #standingFollowed(path: Raw): Promise<Standing> {
    try {
      const found = await this.#root.disk.stat(this.#root.at(path));
      return found.isFile() ? { kind: 'file', stat: found } : { kind: 'taken' };
    } catch (error) {
      if (isErrno(error, ...absent, ...unusable)) return { kind: 'nothing' };
      throw error;
    }
  }

  /** Whether an existing path is reached by exactly its own names, through a link, or by names that merely fold to them. */
  async checkWay(path: Raw): Promise<'exact' | 'linked' | 'taken' | 'nothing'> {
    const whole = this.#root.at(path);
    try {
      if ((await this.#root.disk.exactName(whole)) === whole) return 'exact';
      return (await this.#runsThroughLink(path)) ? 'linked' : 'taken';
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return 'nothing';
      if (isErrno(error, 'ELOOP')) return 'linked';
      if (isErrno(error, 'ENOTDIR', ...unusable)) return 'taken';
      throw error;
    }
  }

  async #runsThroughLink(path: Raw): Promise<boolean> {
    for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
      const found = await this.#root.disk.lstat(this.#root.at(end === -1 ? path : path.slice(0, end)));
      if (found.isSymbolicLink()) return true;
      if (end === -1) return false;
    }
  }

  async #lstat(path: Raw): Promise<BigIntStats | 'nothing' | 'taken'> {
    try {
      return await this.#root.disk.lstat(this.#root.at(path));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return 'nothing';
      if (isErrno(error, 'ENOTDIR', ...unusable)) return 'taken';
      throw error;
    }
  }

  #inTheWay(raw: Raw, what: string): Refusal {
    return new Refusal(
      'unsupported',
      `${what[0]?.toUpperCase()}${what.slice(1)} is in the way of ${this.#root.shown(raw)}; Holdfast does not write ` +
        'through or over it. Remove it, or choose another directory.',
    );
  }
}

const absent = ['ENOENT', 'ENOTDIR'];
/** A name that this filesystem cannot have. */
export const unusable = ['ENAMETOOLONG', 'EILSEQ', 'EINVAL', 'ELOOP'];
