import type { BigIntStats } from 'node:fs';
import type { Clock } from '../../objects/clock.ts';
import type { Key } from '../../objects/key.ts';
import type { Precondition, StoredCopy } from '../provider.ts';
import type { Directories } from './directories.ts';
import { Refusal, isErrno } from './errors.ts';
import { encodedPath } from './layout.ts';
import type { Locator, Place } from './locate.ts';
import { unusable } from './locate.ts';
import type { Locks } from './locks.ts';
import type { Raw } from './raw.ts';
import { keyFromRaw, parentOf, shown } from './raw.ts';
import type { Root } from './root.ts';
import type { SidecarContent, Sidecars } from './sidecar.ts';
import type { TemporaryFile } from './temporary.ts';
import { versionOf } from './version.ts';

/** A file whose bytes are all written, to become the object at a key. */
export interface FinishedFile {
  readonly key: Key;
  readonly raw: Raw;
  readonly file: TemporaryFile;
  readonly content: SidecarContent;
  readonly precondition: Precondition | undefined;
}

interface WriterParts {
  readonly root: Root;
  readonly locator: Locator;
  readonly directories: Directories;
  readonly sidecars: Sidecars;
  readonly locks: Locks;
  readonly clock: Clock;
}

/** An object about to be put in place, and what was seen of it and of its key. */
interface Entering extends FinishedFile {
  readonly place: Place;
  /** Whether an older sidecar lies where the new one belongs. */
  readonly stale: boolean;
  readonly stat: BigIntStats;
  readonly sidecar: ReplaceableFile;
}

/**
 * Puts finished files in place. Writers of one key take turns within this process; against other processes the
 * precondition `absent` is decided by link(2), and `version` by a comparison just before rename(2): a foreign write
 * in the microseconds between is overwritten. After every step, power may fail:
 *
 * - before the rename (or link) the old object stands, after it the new one; both are synced, so neither is torn;
 * - the sidecar is in place before its object, or the object is without a record; see `#install` for why it never
 *   has a wrong one;
 * - what stands hidden at the encoded path goes only after the object at the plain path is durable.
 *
 * Nothing is put in place below another root than the one that was opened, be it prepared for copies as well.
 */
export class Writer {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  async commit(finished: FinishedFile, signal: AbortSignal): Promise<StoredCopy> {
    const { file, raw, key, content } = finished;
    await file.setModified(content.record.sourceModifiedAt);
    const stat = await file.stat();
    await using sidecar = new ReplaceableFile(() => this.#parts.sidecars.prepare(raw, key, content, stat));
    // Once the file exists, which can be moved only where it lies: another disk there is found, or has no such file.
    const ready = [sidecar.get(), file.sync(), this.#parts.root.verify()];
    // All have ended before one fails the write: a sidecar that is prepared after that would be left lying, and open.
    await Promise.allSettled(ready);
    await Promise.all(ready);
    return await this.#parts.locks.run(lockName(raw), async () => {
      signal.throwIfAborted();
      return await this.#place({ ...finished, stat, sidecar });
    });
  }

  /** From here on nothing is broken off: an abort would leave it unknown whether the object stands. */
  async #place(finished: Omit<Entering, 'place' | 'stale'>): Promise<StoredCopy> {
    let cause: unknown;
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const [place, stale] = await Promise.all([this.#placeFor(finished), this.#parts.sidecars.exists(finished.raw)]);
      try {
        return await this.#install({ ...finished, place, stale });
      } catch (error) {
        // Directories come and go beside us: look again where the key belongs.
        if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST')) throw error;
        cause = error;
      }
    }
    const path = this.#parts.root.shown(finished.raw);
    throw new Refusal('unavailable', `${path} could not be put in place: what stands around it keeps changing.`, cause);
  }

  async #placeFor({ raw, precondition }: FinishedFile): Promise<Place> {
    const { locator, directories } = this.#parts;
    const place = await locator.placeFor(raw);
    this.#check(precondition, place, raw);
    // Where an object stands at its plain path, the way there was just found to be exact.
    if (place.current !== undefined && place.path !== encodedPath(raw)) return place;
    if (await directories.ensure(parentOf(place.path))) return place;
    const path = encodedPath(raw);
    if (place.path === path || !(await directories.ensure(parentOf(path)))) {
      throw new Refusal('unsupported', `The filesystem takes no file for the key ${shown(raw)} (${raw.length} bytes).`);
    }
    return { path };
  }

  #check(precondition: Precondition | undefined, { current }: Place, raw: Raw): void {
    if (precondition === undefined) return;
    if ('absent' in precondition) {
      if (current !== undefined) throw conflict(raw, 'an object stands there already');
    } else if (current === undefined || versionOf(current.stat) !== precondition.version) {
      throw conflict(raw, 'the object there is not the version to be replaced');
    }
  }

  /**
   * A sidecar matches by size and time, so the danger is another content of the same size and time: what stands at
   * the key now (a twin), or what an older sidecar was about. Therefore
   * - over a twin, and where nothing may stand (`absent`: another process may win), the object comes first, after an
   *   older sidecar was durably removed; over a twin it is durable before its sidecar is;
   * - else the sidecar comes first; an older one is durably replaced before the object shows.
   */
  async #install(entering: Entering): Promise<StoredCopy> {
    const { sidecars, directories } = this.#parts;
    const { raw, place, stale, stat, sidecar, precondition } = entering;
    const directory = parentOf(place.path);
    const twin = isTwin(place.current?.stat, stat);
    const objectFirst = twin || (precondition !== undefined && 'absent' in precondition);
    if (objectFirst && stale) await sidecars.drop(raw);
    if (!objectFirst) await sidecars.install(raw, await sidecar.get());
    if (stale) await sidecars.sync(raw);
    const shownAs = await this.#show(entering);
    if (twin) await directories.sync(directory);
    if (objectFirst) await sidecars.install(raw, await sidecar.get());
    // What was synced a moment ago and has not changed since need not be synced again.
    const objectToSync = twin ? [] : [directories.sync(directory)];
    const sidecarToSync = stale && !objectFirst ? [] : [sidecars.sync(raw)];
    await Promise.all([...objectToSync, ...sidecarToSync]);
    if (place.hidden !== undefined) await this.#removeHidden(place.hidden.path);
    const named = place.path === raw ? {} : { name: keyFromRaw(place.path) };
    return { version: versionOf(shownAs), size: Number(shownAs.size), ...named };
  }

  /** Makes the object visible. @returns the file as it stands at its place. */
  async #show(entering: Entering): Promise<BigIntStats> {
    const { raw, file, place, precondition, stat } = entering;
    const target = this.#parts.root.at(place.path);
    if (precondition !== undefined && 'absent' in precondition) await this.#link(file, target);
    else await this.#rename(file, target, raw);
    const shownAs = await this.#parts.root.disk.lstatIfThere(target);
    if (shownAs?.ino !== stat.ino) throw conflict(raw, 'somebody else wrote there at the same moment');
    return await this.#distinct(entering, shownAs);
  }

  /** Unlike rename, link never replaces what stands there. */
  async #link(file: TemporaryFile, target: Raw): Promise<void> {
    const { disk } = this.#parts.root;
    try {
      await disk.link(file.path, target);
    } catch (error) {
      if (!isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error;
      // No hard links here; that nothing stands there was seen a moment ago.
      await disk.rename(file.path, target);
    }
    await disk.unlinkIfThere(file.path);
    file.moved();
  }

  async #rename(file: TemporaryFile, target: Raw, raw: Raw): Promise<void> {
    try {
      await this.#parts.root.disk.rename(file.path, target);
      file.moved();
    } catch (error) {
      if (!isErrno(error, ...unusable)) throw error;
      throw new Refusal(
        'unsupported',
        `The filesystem takes no file for the key ${shown(raw)} (${raw.length} bytes).`,
        error,
      );
    }
  }

  /** Clocks of filesystems tick in milliseconds: a twin replaced within one tick would bear its version. */
  async #distinct({ place, file, content }: Entering, shownAs: BigIntStats): Promise<BigIntStats> {
    const before = place.current === undefined ? '' : versionOf(place.current.stat);
    let now = shownAs;
    // Past two seconds the filesystem keeps no change time at all, and nothing more can be done.
    for (let wait = 5; wait < 2_000 && versionOf(now) === before; wait *= 2) {
      await this.#parts.clock.sleep(wait);
      await file.setModified(content.record.sourceModifiedAt);
      now = await file.stat();
    }
    return now;
  }

  async #removeHidden(path: Raw): Promise<void> {
    await this.#parts.root.disk.unlinkIfThere(this.#parts.root.at(path));
    await this.#parts.directories.prune(parentOf(path));
  }
}

const maxAttempts = 20;

/** A prepared file that is prepared anew when an attempt already used it up. */
class ReplaceableFile implements AsyncDisposable {
  readonly #prepare: () => Promise<TemporaryFile>;
  #file: TemporaryFile | undefined;

  constructor(prepare: () => Promise<TemporaryFile>) {
    this.#prepare = prepare;
  }

  async get(): Promise<TemporaryFile> {
    if (this.#file?.isMoved === true) await this[Symbol.asyncDispose]();
    return (this.#file ??= await this.#prepare());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]();
    this.#file = undefined;
  }
}

function isTwin(a: BigIntStats | undefined, b: BigIntStats): boolean {
  return a !== undefined && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

export function conflict(raw: Raw, why: string): Refusal {
  return new Refusal('conflict', `${shown(raw)} was not changed: ${why}.`);
}

/** Names that a case-insensitive or normalising filesystem takes for one another share a lock. */
export function lockName(raw: Raw): string {
  return keyFromRaw(raw).toUpperCase().normalize('NFKD');
}
