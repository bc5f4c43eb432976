import type { Key } from '../../objects/key.ts';
import type { DeleteOptions } from '../provider.ts';
import type { Directories } from './directories.ts';
import { Refusal } from './errors.ts';
import type { Found, Locator } from './locate.ts';
import type { Locks } from './locks.ts';
import type { Raw } from './raw.ts';
import { parentOf, rawFromKey } from './raw.ts';
import type { Root } from './root.ts';
import type { Sidecars } from './sidecar.ts';
import { versionOf } from './version.ts';
import { conflict, lockName } from './write.ts';

interface RemoverParts {
  readonly root: Root;
  readonly locator: Locator;
  readonly directories: Directories;
  readonly sidecars: Sidecars;
  readonly locks: Locks;
}

/** Deletes objects, and the directories that this leaves empty. */
export class Remover {
  readonly #parts: RemoverParts;

  constructor(parts: RemoverParts) {
    this.#parts = parts;
  }

  async remove(key: Key, { precondition }: DeleteOptions, signal: AbortSignal): Promise<void> {
    const raw = rawFromKey(key);
    await this.#parts.locks.run(lockName(raw), async () => {
      signal.throwIfAborted();
      const found = await this.#find(raw);
      if (found === undefined) return;
      if (precondition !== undefined && versionOf(found.stat) !== precondition.version) {
        throw conflict(raw, 'the object there is not the version to be deleted');
      }
      await this.#remove(raw);
    });
  }

  async #find(raw: Raw): Promise<Found | undefined> {
    try {
      return await this.#parts.locator.find(raw);
    } catch (error) {
      if (error instanceof Refusal && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async #remove(raw: Raw): Promise<void> {
    const { current, hidden } = await this.#parts.locator.placeFor(raw);
    // The hidden one first, and durably: it would come back as the object once the other is gone.
    if (hidden !== undefined) await this.#unlink(hidden.path);
    if (current !== undefined) await this.#unlink(current.path);
    await this.#parts.sidecars.drop(raw);
  }

  async #unlink(path: Raw): Promise<void> {
    await this.#parts.root.disk.unlinkIfThere(this.#parts.root.at(path));
    await this.#parts.directories.prune(parentOf(path));
  }
}
