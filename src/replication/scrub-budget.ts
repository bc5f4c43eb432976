import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../objects/clock.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What was read is noted in the catalog in portions of this size at least, or when a copy is done. */
const noteBytes = 64 * 1024 * 1024;

/**
 * At most so many bytes in any 24 hours, kept in the catalog by the hour so that a restart does not renew it. The hour
 * in which the 24 began counts whole.
 */
export class DailyBudget {
  readonly #catalog: Pick<Catalog, 'noteScrubbed' | 'scrubbedSince'>;
  readonly #clock: Clock;
  readonly #policy: string;
  readonly #perDay: number;
  /** Bytes of copies under way that were not read yet. */
  #reserved = 0;
  /** Bytes read and not noted yet. */
  #unnoted = 0;

  /** @param perDay bytes; undefined for no limit */
  constructor(
    catalog: Pick<Catalog, 'noteScrubbed' | 'scrubbedSince'>,
    clock: Clock,
    policy: string,
    perDay: number | undefined,
  ) {
    this.#catalog = catalog;
    this.#clock = clock;
    this.#policy = policy;
    this.#perDay = perDay ?? Infinity;
  }

  /** How long to wait before a copy of `bytes` may be read, in milliseconds; 0 when it may be now. */
  async waitFor(bytes: number): Promise<number> {
    if (this.#perDay === Infinity) return 0;
    const now = this.#clock.now();
    const noted = await this.#catalog.scrubbedSince(this.#policy, now - dayMs);
    const spent = noted + this.#unnoted + this.#reserved;
    if (spent === 0 || spent + bytes <= this.#perDay) return 0;
    return hourMs - (now % hourMs);
  }

  /** One object larger than a day's budget is read over several days. @returns bytes per second, or undefined. */
  slowed(bytes: number): number | undefined {
    return bytes > this.#perDay ? this.#perDay / (dayMs / 1000) : undefined;
  }

  /** A copy of `bytes` is about to be read. Dispose it when it is done, whatever came of it. */
  reserve(bytes: number): Reservation {
    let left = bytes;
    let noted: Promise<unknown> = Promise.resolve();
    this.#reserved += left;
    return {
      read: (count) => {
        const ofReserved = Math.min(left, count);
        left -= ofReserved;
        this.#reserved -= ofReserved;
        this.#unnoted += count;
        if (this.#unnoted <= noteBytes) return;
        noted = Promise.all([noted, this.#note()]);
        // Awaited in the end; until then its failure must not count as nobody's.
        noted.catch(() => undefined);
      },
      [Symbol.asyncDispose]: async () => {
        this.#reserved -= left;
        await Promise.all([noted, this.#note()]);
      },
    };
  }

  async #note(): Promise<void> {
    const bytes = this.#unnoted;
    this.#unnoted = 0;
    if (bytes > 0) await this.#catalog.noteScrubbed(this.#policy, bytes);
  }
}

export interface Reservation extends AsyncDisposable {
  /** So many bytes were read. */
  read(bytes: number): void;
}
