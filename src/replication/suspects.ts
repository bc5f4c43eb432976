import PQueue from 'p-queue';
import type { Finding } from '../catalog/findings.ts';
import type { ObjectRow } from '../catalog/rows.ts';
import { auditSource, isOnlyTouched } from './audit-source.ts';
import type { ObjectInfo } from '../objects/object.ts';
import type { Site } from './site.ts';

/** Objects read at once beside a walk. */
const atOnce = 4;

/** Bytes read that are worth a transaction of their own. */
const newsBytes = 64 * 1024 * 1024;

/**
 * Source objects whose version is another one although their size and time are the same (see `isOnlyTouched`). Reading
 * tells whether anything happened to their bytes: where nothing did, nothing is copied; where something did, nobody
 * wrote it, so that it is damage at the source and no change to be followed.
 */
export class Suspects {
  readonly #source: Site;
  readonly #onFinding: (finding: Finding) => void;
  readonly #signal: AbortSignal;
  readonly #queue = new PQueue({ concurrency: atOnce });
  #read = 0;
  #broken: { readonly error: unknown } | undefined;

  constructor(source: Site, onFinding: (finding: Finding) => void, signal: AbortSignal) {
    this.#source = source;
    this.#onFinding = onFinding;
    this.#signal = signal;
  }

  /** @returns whether it is one: then its version is no change, and what it is comes out by reading. */
  take(found: ObjectInfo, row: ObjectRow): boolean {
    const { sha256, state, damagedVersion } = row;
    if (sha256 === null || state === 'gone' || !isOnlyTouched(this.#source, found, row)) return false;
    if (damagedVersion !== found.version) this.#later(async () => await this.#audit(row, sha256));
    return true;
  }

  /** Whether so many wait that the walk should, for memory to stay bounded. */
  get crowded(): boolean {
    return this.#queue.size >= 2 * atOnce || this.#broken !== undefined;
  }

  /** Whether much was read since this was asked last: it should be recorded, or an interruption makes it read again. */
  get hasNews(): boolean {
    if (this.#read < newsBytes) return false;
    this.#read = 0;
    return true;
  }

  /** Until few are waiting. @throws what reading threw that was no provider's failure. */
  async room(): Promise<void> {
    await this.#queue.onSizeLessThan(2 * atOnce);
    this.#rethrow();
  }

  async idle(): Promise<void> {
    await this.#queue.onIdle();
    this.#rethrow();
  }

  /** One that cannot be read now, or changes again, is looked at by the next pass. */
  async #audit(row: ObjectRow, sha256: string): Promise<void> {
    const audit = await auditSource(
      this.#source,
      row,
      sha256,
      { onBytes: (bytes) => void (this.#read += bytes) },
      this.#signal,
    );
    if (audit.state !== 'right' && audit.state !== 'damaged') return;
    const { version: found } = audit;
    this.#onFinding({ kind: 'source-read', id: row.id, version: row.version, found, sha256: audit.sha256 });
  }

  #later(work: () => Promise<void>): void {
    this.#queue.add(work).catch((error: unknown) => {
      this.#broken ??= { error };
    });
  }

  #rethrow(): void {
    if (this.#broken !== undefined) throw this.#broken.error;
  }
}
