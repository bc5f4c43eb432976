import { exitStatus } from './exit-status.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** One Ctrl-C under npm arrives twice, from the terminal and from npm: what comes this soon (ms) is the same wish. */
const sameWish = 500;

/** Turns the first SIGINT or SIGTERM into an aborted signal; the second ends the process at once, which is safe at any moment. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #firstAt = 0;
  readonly #onSignal = (): void => {
    if (!this.#controller.signal.aborted) {
      this.#firstAt = performance.now();
      this.#controller.abort();
    } else if (performance.now() - this.#firstAt > sameWish) process.exit(exitStatus.interrupted);
  };

  constructor() {
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#onSignal);
  }
}
