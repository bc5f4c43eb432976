/** A number that may change while others work by it. */
export class Dial {
  readonly #watchers = new Set<(value: number) => void>();
  #value: number;

  constructor(value: number) {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  turn(value: number): void {
    this.#value = value;
    for (const watcher of this.#watchers) watcher(value);
  }

  /** Told of every change until disposed. */
  watch(watcher: (value: number) => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }
}
