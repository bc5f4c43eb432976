import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { LeftBehind, type Convoy } from './convoy.ts';
import { asProviderError } from './copy-job.ts';

/** The same bytes on their way to one of several targets. */
export interface Errand<T> {
  /** The target. */
  readonly name: string;
  run(signal: AbortSignal): Promise<T>;
  /** Whether its target's latest call failed, so that it only waits to try again. */
  isUnwell?(): boolean;
  /** When it last got on (milliseconds since the epoch), for one that first waits for its turn. */
  progressedAt?(): number;
}

export interface Surroundings {
  readonly key: Key;
  readonly bytes: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Who leaves it, or has left it, is left behind here too; who is left behind here leaves it. */
  readonly convoy?: Convoy | undefined;
}

/** How long a target may rest after another one has the same bytes: five seconds, and the time that 256 KiB/s would need. */
const patience = 5_000;
/** And one whose calls fail. */
const patienceWithUnwell = 1_000;
const bytesPerMs = (256 * 1024) / 1000;

/**
 * Runs errands side by side; a failure is a value and stops nobody else. Once one has succeeded, the others have
 * so long to follow, or to get on at least: a target that stalls is left behind, because it holds memory and a turn
 * that others wait for. It reads the source once more later, and that alone.
 */
export async function sideBySide<T>(
  errands: readonly Errand<T>[],
  surroundings: Surroundings,
): Promise<Map<string, T | ProviderError>> {
  await using watch = new Watch(errands, surroundings);
  return new Map(await Promise.all(errands.map(async (errand) => await watch.run(errand))));
}

/** Sees to it that stragglers are left behind. */
class Watch<T> implements AsyncDisposable {
  readonly #surroundings: Surroundings;
  readonly #limit: number;
  readonly #running: Map<string, { readonly errand: Errand<T>; readonly own: AbortController }>;
  readonly #over = new AbortController();
  readonly #leaving: Disposable | undefined;
  #waiting: Promise<void> | undefined;

  constructor(errands: readonly Errand<T>[], surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#limit = patience + surroundings.bytes / bytesPerMs;
    this.#running = new Map(errands.map((errand) => [errand.name, { errand, own: new AbortController() }]));
    this.#leaving = surroundings.convoy?.watch((name) => this.#leave(name));
    for (const { name } of errands) if (surroundings.convoy?.isBehind(name) === true) this.#leave(name);
  }

  async run(errand: Errand<T>): Promise<[string, T | ProviderError]> {
    const { name } = errand;
    const { signal, key } = this.#surroundings;
    const own = this.#running.get(name)?.own.signal ?? signal;
    try {
      const result = await errand.run(AbortSignal.any([signal, own]));
      this.#beginWaiting();
      return [name, result];
    } catch (error) {
      return [name, own.reason instanceof ProviderError ? own.reason : asProviderError(error, name, key)];
    } finally {
      this.#running.delete(name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving?.[Symbol.dispose]();
    this.#over.abort();
    await this.#waiting;
  }

  #beginWaiting(): void {
    this.#waiting ??= this.#leaveStragglers();
  }

  async #leaveStragglers(): Promise<void> {
    const { clock } = this.#surroundings;
    if (!(await this.#stillRunningAfter(patienceWithUnwell))) return;
    for (const { errand } of this.#running.values())
      if (errand.isUnwell?.() === true) this.#drop(errand.name, 'its calls fail');
    let pause = this.#limit - patienceWithUnwell;
    while (await this.#stillRunningAfter(pause)) {
      pause = this.#limit;
      for (const { errand } of this.#running.values()) {
        const progressedAt = errand.progressedAt?.();
        const idle = progressedAt === undefined ? this.#limit : clock.now() - progressedAt;
        if (idle < this.#limit) pause = Math.min(pause, this.#limit - idle);
        else this.#drop(errand.name, `it did not get on for ${this.#seconds} s with what another target has`);
      }
    }
  }

  async #stillRunningAfter(pause: number): Promise<boolean> {
    await this.#surroundings.clock.sleep(pause, this.#over.signal).catch(() => undefined);
    return !this.#over.signal.aborted && this.#running.size > 0;
  }

  #drop(name: string, why: string): void {
    this.#leave(name);
    this.#surroundings.convoy?.leave(name, why);
  }

  #leave(name: string): void {
    const { key } = this.#surroundings;
    const message = `${name} is slower with ${key} than another target; it is left behind and catches up alone`;
    this.#running.get(name)?.own.abort(new LeftBehind('unavailable', message, { provider: name, key }));
  }

  get #seconds(): number {
    return Math.round(this.#limit / 1000);
  }
}
