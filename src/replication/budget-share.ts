import { ByteBudget, type Bytes } from './byte-budget.ts';

/**
 * A part of a budget, for those who must not hold all of it. What is larger than the part gets through alone, so that
 * nothing waits for ever. Whoever waits here for bytes of the whole holds none of them.
 */
export class BudgetShare implements Bytes {
  readonly #whole: ByteBudget;
  readonly #own: ByteBudget;

  constructor(whole: ByteBudget, most: number) {
    this.#whole = whole;
    this.#own = new ByteBudget(most);
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
