import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { asProviderError } from './copy-job.ts';

/** The same bytes on their way to one of several targets. */
export interface Errand<T> {
  /** The target. */
  readonly name: string;
  run(signal: AbortSignal): Promise<T>;
  /** When it last got on (milliseconds since the epoch), for one that first waits for its turn. */
  progressedAt?(): number;
}

export interface Surroundings {
  readonly key: Key;
  readonly bytes: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How long a target may rest after another one has the same bytes: a minute, and the time that 1 MiB/s would need. */
const patience = 60_000;
const bytesPerMs = (1024 * 1024) / 1000;

/**
 * Runs errands side by side; a failure is a value and stops nobody else. Once one has succeeded, the others have
 * so long to follow, or to get on at least: a target that stalls is left behind, because it holds memory that
 * others wait for.
 */
export async function sideBySide<T>(
  errands: readonly Errand<T>[],
  surroundings: Surroundings,
): Promise<Map<string, T | ProviderError>> {
  const { clock, signal, key, bytes } = surroundings;
  const limit = patience + bytes / bytesPerMs;
  const over = new AbortController();
  const left = new Map(errands.map(({ name }) => [name, new AbortController()]));
  const leave = (name: string): void => {
    left.get(name)?.abort(straggling(name, key, limit));
    left.delete(name);
  };
  const leaveStragglers = async (): Promise<void> => {
    let pause = limit;
    while (left.size > 0) {
      await clock.sleep(pause, over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
      pause = limit;
      for (const errand of errands.filter(({ name }) => left.has(name))) {
        const progressedAt = errand.progressedAt?.();
        const idle = progressedAt === undefined ? limit : clock.now() - progressedAt;
        if (idle >= limit) leave(errand.name);
        else pause = Math.min(pause, limit - idle);
      }
    }
  };
  let waiting: Promise<void> | undefined;
  const runOne = async (errand: Errand<T>): Promise<[string, T | ProviderError]> => {
    const { name } = errand;
    const own = left.get(name)?.signal ?? signal;
    try {
      const result = await errand.run(AbortSignal.any([signal, own]));
      waiting ??= leaveStragglers();
      return [name, result];
    } catch (error) {
      return [name, own.reason instanceof ProviderError ? own.reason : asProviderError(error, name, key)];
    } finally {
      left.delete(name);
    }
  };
  const outcomes = await Promise.all(errands.map(runOne));
  over.abort();
  await waiting;
  return new Map(outcomes);
}

function straggling(provider: string, key: Key, limit: number): ProviderError {
  const seconds = Math.round(limit / 1000);
  const message = `${provider} did not get on for ${seconds} s with ${key} while another target did; it is left behind and catches up alone`;
  return new ProviderError('unavailable', message, { provider, key });
}
