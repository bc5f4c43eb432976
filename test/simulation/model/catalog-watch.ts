import type { World } from '../world/world.ts';
import { Process } from '../world/process.ts';
import type { Model } from './model.ts';

export interface ObjectLine {
  readonly id: number;
  readonly key: Uint8Array;
  readonly version: string;
  readonly state: 'present' | 'gone';
  readonly sha256: string | null;
  readonly provisional: number | null;
}

export interface CopyLine {
  readonly object_id: number;
  readonly target: string;
  readonly state: string;
  readonly version: string | null;
  readonly method: string | null;
  readonly sha256: string | null;
  readonly at: number | null;
}

export const objectsSql = `select id, key, version, state, lower(hex(sha256)) as sha256, provisional from objects`;
export const copiesSql = `select c.object_id, t.name as target, c.state, c.version, c.evidence_method as method,
  lower(hex(c.evidence_sha256)) as sha256, c.evidence_at as at from copies c join targets t on t.id = c.target_id`;

/** Evidence may be so old when it is recorded, in milliseconds: work took that long. */
const workTakes = 15 * 60_000;

/** How long a source may be empty without a pass that saw it full being under way, in milliseconds. */
const passTakes = 30 * 60_000;

/** Looks at the catalog whenever something was committed. */
export class CatalogWatch {
  readonly #world: World;
  readonly #model: Model;
  #objects = new Map<number, ObjectLine>();
  #verified = new Map<string, CopyLine>();
  /** When the object was first seen in the catalog, in milliseconds that have passed. */
  readonly #firstSeen = new Map<number, number>();

  constructor(world: World, model: Model) {
    this.#world = world;
    this.#model = model;
  }

  forget(): void {
    this.#objects.clear();
    this.#verified.clear();
    this.#firstSeen.clear();
    this.#world.fences.clear();
  }

  look(): void {
    const { database } = this.#world;
    const objects = new Map(database.all<ObjectLine>(objectsSql).map((line) => [line.id, line]));
    const copies = database.all<CopyLine>(copiesSql);
    this.#checkChanges(objects);
    this.#checkGone(objects);
    const verified = new Map<string, CopyLine>();
    for (const copy of copies) {
      if (copy.state !== 'verified') continue;
      const name = `${copy.object_id} ${copy.target}`;
      verified.set(name, copy);
      const object = objects.get(copy.object_id);
      if (object === undefined) this.#model.violated('every copy has an object', name);
      else this.#checkCopy(object, copy, this.#verified.get(name));
    }
    this.#objects = objects;
    this.#verified = verified;
  }

  #checkCopy(object: ObjectLine, copy: CopyLine, was: CopyLine | undefined): void {
    const { version, sha256, method, target } = copy;
    const known = this.#objects.get(object.id);
    const same = was?.version === version && was.sha256 === sha256 && was.at === copy.at && was.method === method;
    if (same && known?.version === object.version && known.sha256 === object.sha256) return;
    const key = keyOf(object);
    const where = `${JSON.stringify(key)} at ${target}`;
    const { truth, copies } = this.#model;
    if (sha256 === null || version === null || (method !== 'attested' && method !== 'read')) {
      return this.#model.violated('a verified copy has evidence', where);
    }
    if (object.sha256 !== sha256) this.#model.violated('evidence is of the object itself', where);
    // What its copies agreed upon is the best that is known of what the source does not have any more.
    if (!truth.versionHad(key, object.version, sha256) && object.provisional !== 1) {
      this.#model.violated(
        'a verified copy is what the source had',
        `${where}: version ${object.version} never had these bytes`,
      );
    }
    if (!copies.everHeld(target, key, version, sha256)) {
      return this.#model.violated('a verified copy has its bytes', `${where}: version ${version} never had them`);
    }
    const since = this.#world.scheduler.passed - workTakes;
    if (!same && method === 'read' && !copies.heldSince(target, key, version, sha256, since)) {
      this.#model.violated('a verified copy has its bytes', `${where}: version ${version} has long been gone`);
    }
  }

  /** Whether a person let it go or a pass: nothing goes that the source had all the time. */
  #checkGone(objects: ReadonlyMap<number, ObjectLine>): void {
    const { passed } = this.#world.scheduler;
    for (const { id } of objects.values()) if (!this.#firstSeen.has(id)) this.#firstSeen.set(id, passed);
    for (const was of this.#objects.values()) {
      if (was.state !== 'present' || objects.get(was.id)?.state === 'present') continue;
      const since = this.#firstSeen.get(was.id) ?? passed;
      if (this.#model.truth.lacked(keyOf(was), since, passed)) continue;
      this.#model.violated('what the source has is not let go', JSON.stringify(keyOf(was)));
    }
  }

  /** What the guard would not let through must not take effect, unless a person says so. */
  #checkChanges(objects: ReadonlyMap<number, ObjectLine>): void {
    const { current, passed } = this.#world.scheduler;
    if (current instanceof Process && current.order.do === 'decide') return;
    const before = [...this.#objects.values()].filter(({ state }) => state === 'present');
    const held = new Set([...this.#verified.values()].map(({ object_id: id }) => id));
    const changed = before.filter((line) => held.has(line.id) && isChanged(line, objects.get(line.id)));
    const { maxChanged, minObjects } = this.#world.plan.policy.guard;
    const many = changed.length >= minObjects && changed.length > maxChanged * before.length;
    const all = maxChanged < 1 && changed.length >= 5 && changed.length >= before.length;
    if (many || all) {
      this.#model.violated('loss never spreads', `${changed.length} of ${before.length} objects changed at once`);
    }
    const { emptySince } = this.#model.truth;
    const vanished = changed.some(({ id }) => objects.get(id)?.state !== 'present');
    if (vanished && emptySince !== undefined && emptySince < passed - passTakes) {
      this.#model.violated('loss never spreads', 'objects of a source that is empty were let go');
    }
  }
}

/** An object that went, or that became another version: what was known of its bytes is forgotten then. */
function isChanged(was: ObjectLine, is: ObjectLine | undefined): boolean {
  if (is === undefined) return false;
  if (is.state === 'gone') return true;
  return is.version !== was.version && is.sha256 === null && was.sha256 !== null;
}

export function keyOf({ key }: Pick<ObjectLine, 'key'>): string {
  return Buffer.from(key).toString('utf8');
}
