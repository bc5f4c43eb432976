import type { Clock } from '../objects/clock.ts';
import { CatalogError, type CatalogErrorCode } from './errors.ts';

/** How often what could not be written is tried again, in milliseconds. */
const again = 2_000;

/** What time, or somebody who makes room, may mend. */
const passing: ReadonlySet<CatalogErrorCode> = new Set(['full', 'busy', 'unavailable']);

/** Runs a write; may run it again when it threw, as it changed nothing then. */
export type Outlast = <T>(write: () => Promise<T>) => Promise<T>;

/**
 * Outlasts a full or failing disk: what is to be recorded waits until it can be, and with it the work it came from, so
 * that nothing is lost and nothing new begun.
 */
export class Outlasting {
  readonly #clock: Clock;
  readonly #giveUp: AbortSignal;
  readonly #onChange: (trouble: CatalogError | undefined) => void;
  #trouble: CatalogError | undefined;
  /** Writes that failed and are to be tried again. */
  #waiting = 0;

  /** @param onChange told when writing begins to fail and when it works again. */
  constructor(clock: Clock, giveUp: AbortSignal, onChange: (trouble: CatalogError | undefined) => void) {
    this.#clock = clock;
    this.#giveUp = giveUp;
    this.#onChange = onChange;
  }

  /** Why nothing can be recorded now; undefined while all is well. */
  get trouble(): CatalogError | undefined {
    return this.#trouble;
  }

  /** @throws the catalog's error when it is none that may pass, or when all is given up. */
  readonly around: Outlast = async (write) => {
    try {
      return await write();
    } catch (error) {
      return await this.#keepTrying(write, this.#passing(error));
    }
  };

  async #keepTrying<T>(write: () => Promise<T>, first: CatalogError): Promise<T> {
    this.#waiting += 1;
    try {
      const result = await this.#triedAgain(write, first);
      // A small write finds room where a larger one does not: all is well again once nothing else waits.
      if (this.#waiting === 1) this.#note(undefined);
      return result;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #triedAgain<T>(write: () => Promise<T>, first: CatalogError): Promise<T> {
    for (let error = first; ;) {
      this.#note(error);
      await this.#clock.sleep(again, this.#giveUp).catch(() => undefined);
      if (this.#giveUp.aborted) throw error;
      try {
        return await write();
      } catch (thrown) {
        error = this.#passing(thrown);
      }
    }
  }

  /** @throws what does not pass. */
  #passing(error: unknown): CatalogError {
    if (!(error instanceof CatalogError) || !passing.has(error.code) || this.#giveUp.aborted) throw error;
    return error;
  }

  #note(trouble: CatalogError | undefined): void {
    const isNews = (trouble === undefined) !== (this.#trouble === undefined);
    this.#trouble = trouble;
    if (isNews) this.#onChange(trouble);
  }
}
