import type { Key } from '../../../src/objects/key.ts';
import type { Effect, Stored } from '../world/store.ts';
import type { World } from '../world/world.ts';
import type { Model } from './model.ts';

/** Something stood at a key of a target. */
interface Standing {
  readonly stored: Stored;
  readonly from: number;
  until: number;
}

interface Owed {
  readonly store: string;
  readonly key: Key;
  readonly sha256: string;
  until: number;
}

const history = '.holdfast/history/';
const own = '.holdfast/';
const minute = 60_000;

/** How long after what it rests on a request may take effect, in milliseconds. */
const onItsWay = 10 * minute;

/** What stood at the targets, and whether the program may have done what it did there. */
export class Copies {
  readonly #world: World;
  readonly #model: Model;
  readonly #standing = new Map<string, Standing[]>();
  /** What was overwritten and must stay readable for a while. */
  readonly #owed: Owed[] = [];

  constructor(world: World, model: Model) {
    this.#world = world;
    this.#model = model;
  }

  take(effect: Effect, at: number): void {
    const { store, key, by, before, after } = effect;
    const standing = this.#standingAt(store, key);
    const last = standing.at(-1);
    if (last !== undefined && last.until === Infinity) last.until = at;
    if (after !== undefined) standing.push({ stored: after, from: at, until: Infinity });
    if (typeof by === 'string') return;
    if (key.startsWith(own)) return this.#checkHistory(effect);
    if (after !== undefined) this.#checkWrite(store, key, before, after);
    else if (before !== undefined) this.#checkDelete(store, key, before, at);
  }

  /** Whether something of this version and these bytes was ever written there. */
  everHeld(store: string, key: Key, version: string, sha256: string): boolean {
    return this.#standingAt(store, key).some(({ stored }) => stored.version === version && stored.sha256 === sha256);
  }

  /** Whether it stood there, whole, at some moment since. */
  heldSince(store: string, key: Key, version: string, sha256: string, since: number): boolean {
    return this.#standingAt(store, key).some(
      ({ stored, until }) => stored.version === version && stored.sha256 === sha256 && until >= since,
    );
  }

  #checkWrite(store: string, key: Key, before: Stored | undefined, after: Stored): void {
    const { truth } = this.#model;
    const where = `${JSON.stringify(key)} at ${store}`;
    const damagedOnItsWay = after.sha256 !== after.meant;
    if (!damagedOnItsWay && !truth.everHad(key, after.sha256)) {
      this.#model.violated('what is visible is an object of the source', `${where} never was at the source like that`);
    }
    if (before === undefined || before.sha256 === after.sha256 || !truth.isWritten(key, before.sha256)) return;
    const { conditionalWrites } = this.#settings(store);
    if (!conditionalWrites) return;
    if (truth.isOlder(key, after.meant, before.sha256) && !this.#orderIsUntellable(store, key, before, after)) {
      this.#model.violated('a good copy is never overwritten by an older one', where);
    }
    if (before.meant !== before.sha256 || truth.versionHad(key, after.record?.sourceVersion ?? '', before.sha256))
      return;
    this.#owe(store, key, before, after);
  }

  /**
   * Where the catalog was lost, records alone tell which version is newer, by the source's clock; when that was set back, they
   * tell the other order. Then what is replaced must at least stay readable, whatever the policy says of history.
   */
  #orderIsUntellable(store: string, key: Key, before: Stored, after: Stored): boolean {
    if (!this.#model.catalogWasLost || before.record === undefined || after.record === undefined) return false;
    const backwards = after.record.sourceModifiedAt >= before.record.sourceModifiedAt;
    return backwards && this.#isReadable(store, key, before.sha256);
  }

  #owe(store: string, key: Key, before: Stored, after: Stored): void {
    const { history: ms } = this.#world.plan.policy;
    if (ms === undefined || before.record === undefined || before.record.sha256 === after.record?.sha256) return;
    if (!this.#isReadable(store, key, before.sha256)) {
      const what = `${JSON.stringify(key)} at ${store} was replaced and is kept nowhere`;
      return this.#model.violated('what is replaced stays readable', what);
    }
    // Its time began when it was kept, which came before the overwrite.
    this.#owed.push({ store, key, sha256: before.sha256, until: this.#world.scheduler.now() + ms - onItsWay });
  }

  #isReadable(store: string, key: Key, sha256: string): boolean {
    const { objects, replaced } = this.#world.place(store).store;
    const kept = [...objects].some(([name, object]) => name.startsWith(history) && object.meant === sha256);
    return kept || [...replaced].some(([name, object]) => name.endsWith(` ${key}`) && object.sha256 === sha256);
  }

  #checkHistory({ store, key, before, after }: Effect): void {
    if (before === undefined || !key.startsWith(history)) return;
    const now = this.#world.scheduler.now();
    for (const owed of this.#owed) {
      if (owed.store !== store || owed.until <= now || owed.sha256 !== before.sha256) continue;
      if (after?.meant === before.sha256 || this.#isReadable(store, owed.key, owed.sha256)) continue;
      this.#model.violated('what is replaced stays readable', `${JSON.stringify(owed.key)} at ${store} went too early`);
    }
  }

  #checkDelete(store: string, key: Key, before: Stored, at: number): void {
    const { truth } = this.#model;
    const where = `${JSON.stringify(key)} at ${store}`;
    const { deleteAfter } = this.#world.plan.policy;
    if (!this.#settings(store).conditionalDeletes) return;
    if (before.record === undefined) this.#model.violated('what others wrote is never deleted', where);
    if (!truth.isWritten(key, before.sha256)) return;
    if (this.#takenForDamaged(store, at)) return;
    if (deleteAfter === undefined) return this.#model.violated('copies are retained', `${where} was deleted`);
    if (!truth.lacked(key, at - onItsWay, at)) {
      this.#model.violated('only copies of what is gone are deleted', `${where}, which the source has`);
    }
    if (this.#world.scheduler.set === 0 && !truth.lacked(key, -Infinity, at - deleteAfter)) {
      this.#model.violated('copies are deleted only after their time', where);
    }
  }

  /** Twice in a row a bit flipped on the way from there: nobody can tell that from damage. */
  #takenForDamaged(store: string, at: number): boolean {
    return this.#world.place(store).wire.flipsSince(at - 2 * onItsWay) >= 2;
  }

  #settings(store: string) {
    return this.#world.place(store).settings.capabilities;
  }

  #standingAt(store: string, key: Key): Standing[] {
    const name = `${store} ${key}`;
    const known = this.#standing.get(name);
    if (known !== undefined) return known;
    const standing: Standing[] = [];
    this.#standing.set(name, standing);
    return standing;
  }
}
