import type { Random } from '../../src/objects/clock.ts';
import type { Key } from '../../src/objects/key.ts';
import { shuffled } from './damage-objects.ts';
import { abilitiesOf, type Kind, type Vandal } from './damage-vandals.ts';

/** `silent`: below the server, in its files. `loud`: through its interface, by another client. */
export type Way = 'silent' | 'loud';

/** One copy that was damaged, or two where they were swapped. */
export interface Deed {
  readonly provider: string;
  readonly way: Way;
  readonly kind: Kind;
  readonly keys: readonly Key[];
}

/** Fewer bytes could be found elsewhere in a server's files, or be equal to another object's. */
const fewestBytes = 16;

/** Keys of objects that can be damaged in every way. */
export function harmable(objects: ReadonlyMap<Key, Buffer>): readonly Key[] {
  return [...objects].flatMap(([key, { length }]) => (length >= fewestBytes ? key : []));
}

/** Objects of one provider that were not damaged yet, in a seeded order. */
export class Unharmed {
  readonly #objects: ReadonlyMap<Key, Buffer>;
  readonly #keys: Set<Key>;

  /** `first`: those to be taken first; `spared`: those never to be taken. */
  constructor(objects: ReadonlyMap<Key, Buffer>, random: Random, first: readonly Key[], spared: ReadonlySet<Key>) {
    const rest = harmable(objects).filter((key) => !spared.has(key));
    this.#keys = new Set([...first, ...shuffled(rest, random)]);
    this.#objects = objects;
  }

  take(kind: Kind): readonly Key[] {
    if (kind !== 'swap' && kind !== 'swap sizes') return [this.#take(() => true)];
    const suits = (a: Key, b: Key): boolean => a !== b && (this.#sizeOf(a) === this.#sizeOf(b)) === (kind === 'swap');
    const key = this.#take((a) => [...this.#keys].some((b) => suits(a, b)));
    return [key, this.#take((other) => suits(key, other))];
  }

  #take(suits: (key: Key) => boolean): Key {
    const key = [...this.#keys].find(suits);
    if (key === undefined) throw new Error('no object is left that suits');
    this.#keys.delete(key);
    return key;
  }

  #sizeOf(key: Key): number {
    return this.#objects.get(key)?.length ?? 0;
  }
}

/** Does all that the vandal can, `times` each. @returns what was done. */
export async function vandalize(
  provider: string,
  way: Way,
  vandal: Vandal,
  world: { readonly objects: ReadonlyMap<Key, Buffer>; readonly unharmed: Unharmed; readonly random: Random },
  times: number,
): Promise<readonly Deed[]> {
  const deeds: Deed[] = [];
  for (const kind of abilitiesOf(vandal)) {
    for (let time = 0; time < times; time += 1) {
      const keys = world.unharmed.take(kind);
      await harm(vandal, kind, keys, { ...world, time });
      deeds.push({ provider, way, kind, keys });
    }
  }
  return deeds;
}

async function harm(
  vandal: Vandal,
  kind: Kind,
  [key = '', partner = '']: readonly Key[],
  world: { readonly objects: ReadonlyMap<Key, Buffer>; readonly random: Random; readonly time: number },
): Promise<void> {
  const { objects, random, time } = world;
  const bytes = objects.get(key) ?? Buffer.alloc(0);
  switch (kind) {
    case 'flip':
      return await vandal.write(key, flipped(bytes, random), bytes);
    case 'truncate':
      return await vandal.write(key, bytes.subarray(0, Math.floor(random() * bytes.length)), bytes);
    case 'replace':
      return await vandal.write(key, Buffer.from(bytes.map((byte) => byte ^ 0xff)), bytes);
    case 'swap':
    case 'swap sizes': {
      const others = objects.get(partner) ?? Buffer.alloc(0);
      await vandal.write(key, others, bytes);
      return await vandal.write(partner, bytes, others);
    }
    case 'delete':
      return await vandal.remove?.(key);
    case 'metadata':
      return await vandal.metadata?.[time % vandal.metadata.length]?.(key);
  }
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const result = Buffer.from(bytes);
  const at = Math.floor(random() * result.length);
  result.writeUInt8(result.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
  return result;
}
