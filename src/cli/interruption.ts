import { exitStatus } from './exit-status.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Turns the first SIGINT or SIGTERM into an aborted signal; the second ends the process at once, which is safe at any moment. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(exitStatus.interrupted);
    this.#controller.abort();
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
