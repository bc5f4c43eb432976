import type { Key } from '../../src/objects/key.ts';

/** Somebody who changes what a provider holds, behind Holdfast's back. What is left out cannot be done that way. */
export interface Vandal {
  /** Other bytes under the same key; whatever else belongs to the object stays. `was`: the bytes that stand there. */
  write(key: Key, bytes: Buffer, was: Buffer): Promise<void>;
  /** True where only bytes of the same length can be put there. */
  readonly keepsSize?: boolean;
  remove?(key: Key): Promise<void>;
  /** Ways to change only what belongs to the object besides its bytes. */
  readonly metadata?: readonly ((key: Key) => Promise<void>)[];
}

export const kinds = ['flip', 'truncate', 'delete', 'swap', 'swap sizes', 'replace', 'metadata'] as const;

/**
 * - `swap`: two objects of one size exchange their bytes; `swap sizes`: two of different sizes.
 * - `replace`: other bytes of the same size.
 */
export type Kind = (typeof kinds)[number];

/** The kinds of damage that this vandal can do. */
export function abilitiesOf({ keepsSize = false, remove, metadata }: Vandal): readonly Kind[] {
  return kinds.filter((kind) => {
    switch (kind) {
      case 'flip':
      case 'swap':
      case 'replace':
        return true;
      case 'truncate':
      case 'swap sizes':
        return !keepsSize;
      case 'delete':
        return remove !== undefined;
      case 'metadata':
        return metadata !== undefined;
    }
  });
}
