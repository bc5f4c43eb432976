import { constants } from 'node:fs';
import { Refusal, isErrno } from './errors.ts';
import { keysDirectory } from './layout.ts';
import type { Locator } from './locate.ts';
import { unusable } from './locate.ts';
import type { Raw } from './raw.ts';
import { parentOf } from './raw.ts';
import type { Root } from './root.ts';

/** Makes, removes and syncs directories below the root; paths are relative, without a slash at the end. */
export class Directories {
  readonly #root: Root;
  readonly #locator: Locator;
  /** Directories being made: they exist before they are durable, so whoever finds one waits for it too. */
  readonly #making = new Map<Raw, Promise<boolean>>();
  readonly #syncing = new Map<Raw, Promise<void>>();
  readonly #queued = new Map<Raw, Promise<void>>();

  constructor(root: Root, locator: Locator) {
    this.#root = root;
    this.#locator = locator;
  }

  /**
   * Makes a directory and those above it, durably. @returns false when a file or another name is in the way.
   * @throws Refusal `unsupported` when a symbolic link is.
   */
  async ensure(path: Raw): Promise<boolean> {
    if (path === '') return true;
    const way = await this.#locator.checkWay(path);
    const making = this.#making.get(path);
    if (making !== undefined) return await making;
    if (way === 'exact') return true;
    if (way === 'taken') return false;
    if (way === 'linked') throw linked(this.#root.shown(path));
    const made = this.#make(path).finally(() => this.#making.delete(path));
    this.#making.set(path, made);
    return await made;
  }

  /**
   * Makes the names in a directory durable. Calls that come while it is being synced share the next sync, which begins
   * after all of them did.
   */
  async sync(path: Raw): Promise<void> {
    const queued = this.#queued.get(path);
    if (queued !== undefined) return await queued;
    const before = this.#syncing.get(path);
    if (before === undefined) return await this.#startSync(path);
    const start = (): Promise<void> => {
      this.#queued.delete(path);
      return this.#startSync(path);
    };
    const next = before.then(start, start);
    this.#queued.set(path, next);
    return await next;
  }

  async #startSync(path: Raw): Promise<void> {
    const syncing = this.#syncNow(path);
    this.#syncing.set(path, syncing);
    try {
      await syncing;
    } finally {
      if (this.#syncing.get(path) === syncing) this.#syncing.delete(path);
    }
  }

  /** One that is gone again holds no names. */
  async #syncNow(path: Raw): Promise<void> {
    try {
      await using handle = await this.#root.disk.open(this.#root.at(path), constants.O_RDONLY | constants.O_DIRECTORY);
      await handle.sync();
    } catch (error) {
      // EINVAL and ENOTSUP: this filesystem has nothing to sync for a directory.
      if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EINVAL', 'ENOTSUP')) throw error;
    }
  }

  /** Removes a directory and those above it as far as they are empty, then makes that durable. */
  async prune(path: Raw): Promise<void> {
    let at = path;
    while (at !== '' && at !== keysDirectory && (await this.#remove(at))) at = parentOf(at);
    await this.sync(at);
  }

  async #make(path: Raw): Promise<boolean> {
    // A delete may remove the parent again in between.
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (!(await this.ensure(parentOf(path)))) return false;
      try {
        await this.#root.disk.mkdir(this.#root.at(path));
        await this.sync(parentOf(path));
        return true;
      } catch (error) {
        if (isErrno(error, 'ENOTDIR', ...unusable)) return false;
        if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error;
        if (isErrno(error, 'ENOENT')) continue;
        const way = await this.#locator.checkWay(path);
        if (way === 'linked') throw linked(this.#root.shown(path));
        if (way !== 'nothing') return way === 'exact';
      }
    }
    throw new Refusal('unavailable', `${this.#root.shown(path)} is removed again whenever it is made.`);
  }

  async #remove(path: Raw): Promise<boolean> {
    try {
      await this.#root.disk.rmdir(this.#root.at(path));
      return true;
    } catch (error) {
      // Already gone; else not empty, a mount point, or not ours to remove: it stays, which harms nothing.
      return isErrno(error, 'ENOENT');
    }
  }
}

function linked(path: string): Refusal {
  return new Refusal(
    'unsupported',
    `${path} runs through a symbolic link; Holdfast does not write through links. ` +
      'Replace the link by a directory, or give the place it leads to a provider of its own.',
  );
}
