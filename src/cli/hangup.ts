/** SIGHUP, which would end the process: heard from the start, answered as soon as somebody listens. */
export class Hangup implements Disposable {
  #listener: (() => void) | undefined;
  #missed = false;
  readonly #onSignal = (): void => {
    if (this.#listener === undefined) this.#missed = true;
    else this.#listener();
  };

  constructor() {
    process.on('SIGHUP', this.#onSignal);
  }

  listen(listener: () => void): void {
    this.#listener = listener;
    if (this.#missed) listener();
    this.#missed = false;
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onSignal);
  }
}
