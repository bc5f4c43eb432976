import type { Clock } from '../objects/clock.ts';
import type { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { Leash } from '../objects/leash.ts';
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
  using watch = new Watch(errands, surroundings);
  return new Map(await Promise.all(errands.map(async (errand) => await watch.run(errand))));
}

interface Running<T> {
  readonly errand: Errand<T>;
  readonly leash: Leash;
  left?: LeftBehind;
}

/** Sees to it that stragglers are left behind. Timers, not promises: every object needs one, and hardly any goes off. */
class Watch<T> implements Disposable {
  readonly #surroundings: Surroundings;
  readonly #limit: number;
  readonly #running: Map<string, Running<T>>;
  readonly #leaving: Disposable | undefined;
  #cancel: (() => void) | undefined;

  constructor(errands: readonly Errand<T>[], surroundings: Surroundings) {
    const { signal, convoy } = surroundings;
    this.#surroundings = surroundings;
    this.#limit = patience + surroundings.bytes / bytesPerMs;
    this.#running = new Map(errands.map((errand) => [errand.name, { errand, leash: new Leash(signal) }]));
    this.#leaving = convoy?.watch((name) => this.#leave(name));
    for (const { name } of errands) if (convoy?.isBehind(name) === true) this.#leave(name);
  }

  async run(errand: Errand<T>): Promise<[string, T | ProviderError]> {
    const { name } = errand;
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`two errands to ${name}`);
    using leash = running.leash;
    try {
      const result = await errand.run(leash.signal);
      this.#cancel ??= this.#after(patienceWithUnwell, () => this.#leaveUnwell());
      return [name, result];
    } catch (error) {
      return [name, running.left ?? asProviderError(error, name, this.#surroundings.key)];
    } finally {
      this.#running.delete(name);
    }
  }

  [Symbol.dispose](): void {
    this.#leaving?.[Symbol.dispose]();
    this.#cancel?.();
  }

  #leaveUnwell(): void {
    for (const { errand } of this.#running.values())
      if (errand.isUnwell?.() === true) this.#drop(errand.name, 'its calls fail');
    this.#cancel = this.#after(this.#limit - patienceWithUnwell, () => this.#leaveIdle());
  }

  #leaveIdle(): void {
    let pause = this.#limit;
    for (const { errand } of this.#running.values()) {
      const progressedAt = errand.progressedAt?.();
      const idle = progressedAt === undefined ? this.#limit : this.#surroundings.clock.now() - progressedAt;
      if (idle < this.#limit) pause = Math.min(pause, this.#limit - idle);
      else this.#drop(errand.name, `it did not get on for ${this.#seconds} s with what another target has`);
    }
    this.#cancel = this.#after(pause, () => this.#leaveIdle());
  }

  /** @returns what cancels it. */
  #after(pause: number, look: () => void): () => void {
    return this.#surroundings.clock.after(pause, () => {
      if (this.#running.size > 0) look();
    });
  }

  #drop(name: string, why: string): void {
    this.#leave(name);
    this.#surroundings.convoy?.leave(name, why);
  }

  #leave(name: string): void {
    const { key } = this.#surroundings;
    const message = `${name} is slower with ${key} than another target; it is left behind and catches up alone`;
    const running = this.#running.get(name);
    if (running === undefined || running.left !== undefined) return;
    running.left = new LeftBehind('unavailable', message, { provider: name, key });
    running.leash.abort(running.left);
  }

  get #seconds(): number {
    return Math.round(this.#limit / 1000);
  }
}
