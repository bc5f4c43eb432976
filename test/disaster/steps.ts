/** How long each step took, in seconds. */
export class Steps {
  readonly #began = performance.now();
  readonly #took: Record<string, number> = {};

  get took(): Readonly<Record<string, number>> {
    return this.#took;
  }

  get seconds(): number {
    return tenths(performance.now() - this.#began);
  }

  /** @param doing begun just now. */
  async take<T>(name: string, doing: Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await doing;
    } finally {
      this.#took[name] = tenths(performance.now() - began);
    }
  }
}

function tenths(ms: number): number {
  return Math.round(ms / 100) / 10;
}
