/** Lets one piece of work at a time happen for each name, in the order asked for. */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(name, promise);
    try {
      await before;
      return await work();
    } finally {
      if (this.#tails.get(name) === promise) this.#tails.delete(name);
      resolve();
    }
  }
}
