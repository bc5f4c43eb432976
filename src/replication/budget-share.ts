import { ByteBudget, type Bytes } from './byte-budget.ts';
import type { BytePool } from './byte-pool.ts';

/** Makes the budget of what a target that is behind may hold at most, in bytes, in all threads together. */
export type PartOf = (target: string, most: number) => ByteBudget;

/** Counted for nobody else. */
export const ownPart: PartOf = (_, most) => new ByteBudget(most);

/** @param pool where it is counted. */
export function partsIn(pool: (most: number, target: string) => BytePool): PartOf {
  const parts = new Map<string, ByteBudget>();
  return (target, most) => {
    const name = `${most} ${target}`;
    // One for each: of two that take from the same pool in one thread, only one would be told that there is some again.
    const part = parts.get(name) ?? new ByteBudget(pool(most, target));
    parts.set(name, part);
    return part;
  };
}

/**
 * A part of a budget, for those who must not hold all of it. What is larger than the part gets through alone, so that
 * nothing waits for ever. Whoever waits here for bytes of the whole holds none of them.
 */
export class BudgetShare implements Bytes {
  readonly #whole: ByteBudget;
  readonly #own: ByteBudget;

  constructor(whole: ByteBudget, own: ByteBudget) {
    this.#whole = whole;
    this.#own = own;
  }

  get total(): number {
    return this.#whole.total;
  }

  async reserve(bytes: number, signal: AbortSignal): Promise<() => void> {
    const giveBackOwn = await this.#own.reserve(Math.min(bytes, this.#own.total), signal);
    try {
      const giveBack = await this.#whole.reserve(bytes, signal);
      return () => {
        giveBack();
        giveBackOwn();
      };
    } catch (error) {
      giveBackOwn();
      throw error;
    }
  }

  tryReserve(bytes: number): (() => void) | undefined {
    const giveBackOwn = this.#own.tryReserve(Math.min(bytes, this.#own.total));
    if (giveBackOwn === undefined) return undefined;
    const giveBack = this.#whole.tryReserve(bytes);
    if (giveBack === undefined) {
      giveBackOwn();
      return undefined;
    }
    return () => {
      giveBack();
      giveBackOwn();
    };
  }
}
