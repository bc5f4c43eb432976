import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Log } from '../telemetry/log.ts';

/** At least so long a target stays out, in milliseconds; twice as long each time it falls behind again soon after. */
const shortestStay = 30_000;
const longestStay = 600_000;

interface Past {
  /** Milliseconds since the epoch. */
  readonly leftAt: number;
  readonly stay: number;
}

/**
 * Which targets share a read of the source, and which fell behind and catch up alone: what travels together goes at
 * the pace of the slowest, holding memory and turns that the others wait for.
 */
export class Convoy {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #behind = new Set<string>();
  readonly #past = new Map<string, Past>();
  readonly #watchers = new Set<(target: string) => void>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  isBehind(target: string): boolean {
    return this.#behind.has(target);
  }

  /** It goes on alone, in all objects at once. */
  leave(target: string, why: string): void {
    if (this.#behind.has(target)) return;
    const now = this.#clock.now();
    const { leftAt, stay } = this.#past.get(target) ?? { leftAt: -Infinity, stay: 0 };
    const soon = now - leftAt < stay + longestStay;
    const next = soon ? Math.min(longestStay, 2 * stay) : shortestStay;
    this.#past.set(target, { leftAt: now, stay: Math.max(shortestStay, next) });
    this.#behind.add(target);
    this.#log.info({ target, why }, `${target} falls behind and catches up alone: ${why}`);
    for (const watcher of this.#watchers) watcher(target);
  }

  /** Whether it was out for as long as it must be. */
  mayRejoin(target: string): boolean {
    const { leftAt, stay } = this.#past.get(target) ?? { leftAt: 0, stay: 0 };
    const elapsed = this.#clock.now() - leftAt;
    // A clock that was set back must not keep it out.
    return elapsed < 0 || elapsed >= stay;
  }

  /** Asked when it holds up nobody any more. @returns whether it travels with the others again. */
  rejoin(target: string): boolean {
    if (!this.mayRejoin(target)) return false;
    this.readmit(target);
    return true;
  }

  /** However short it was out. */
  readmit(target: string): void {
    if (this.#behind.delete(target)) this.#log.info({ target }, `${target} travels with others again`);
  }

  /** Told of every target that leaves, until disposed. */
  watch(watcher: (target: string) => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }
}

/** Not the copy's failure: nothing was tried in vain, and it is due as before. */
export class LeftBehind extends ProviderError {}
