import PQueue from 'p-queue';
import type { Finding } from '../catalog/findings.ts';
import type { ObjectRow } from '../catalog/rows.ts';
import { auditSource, isOnlyTouched } from './audit-source.ts';
import { ProviderError } from '../objects/errors.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { agreement, digestByReading, headIfThere } from './prove.ts';
import type { Site } from './site.ts';

/** Objects read at once beside a walk. */
const atOnce = 4;

/** Bytes read that are worth a transaction of their own. */
const newsBytes = 64 * 1024 * 1024;

export interface SuspectsOptions {
  readonly onFinding: (finding: Finding) => void;
  /** What was suspected to be the same object is a change like any other. */
  readonly onChange: (found: ObjectInfo, row: ObjectRow) => void;
}

/**
 * Source objects that may be the same although their version is another one. Reading tells.
 * - Size and time are the same (see `isOnlyTouched`): where nothing happened to the bytes, nothing is copied; where
 *   something did, nobody wrote it, so that it is damage at the source and no change to be followed.
 * - The size is the same, and the provider's own checksum is that of the known bytes, or the object carries Holdfast's record
 *   of just them: a restore put it there. Where its bytes are others, it is a change.
 */
export class Suspects {
  readonly #source: Site;
  readonly #options: SuspectsOptions;
  readonly #signal: AbortSignal;
  readonly #queue = new PQueue({ concurrency: atOnce });
  #read = 0;
  #broken: { readonly error: unknown } | undefined;

  constructor(source: Site, options: SuspectsOptions, signal: AbortSignal) {
    this.#source = source;
    this.#options = options;
    this.#signal = signal;
  }

  /** @returns whether it is one: then its version is no change, and what it is comes out by reading. */
  take(found: ObjectInfo, row: ObjectRow): boolean {
    const { sha256, state, damagedVersion } = row;
    if (sha256 === null || state === 'gone') return false;
    if (isOnlyTouched(this.#source, found, row)) {
      if (damagedVersion !== found.version) this.#later(async () => await this.#audit(row, sha256));
      return true;
    }
    if (!mayBeRestored(found, row)) return false;
    this.#later(async () => {
      if (await this.#isSame(found, row, sha256)) this.#found(row, found.version, sha256);
      else this.#options.onChange(found, row);
    });
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
    this.#found(row, audit.version, audit.sha256);
  }

  #found({ id, version }: ObjectRow, found: string, sha256: string): void {
    this.#options.onFinding({ kind: 'source-read', id, version, found, sha256 });
  }

  /** A place that does not answer this tells nothing: then it is a change. */
  async #isSame({ key, size, version }: ObjectInfo, { checksums }: ObjectRow, sha256: string): Promise<boolean> {
    const { provider } = this.#source;
    try {
      const head = await headIfThere(provider, key, this.#signal);
      if (head?.version !== version) return false;
      if (agreement(head.checksums ?? {}, { ...checksums, sha256 })?.equal === true) return true;
      if (head.record?.sha256 !== sha256) return false;
      const onBytes = (bytes: number): void => void (this.#read += bytes);
      const read = await digestByReading({ provider, key, version, size }, [], onBytes, this.#signal);
      return read.sha256 === sha256;
    } catch (error) {
      if (!(error instanceof ProviderError) || this.#signal.aborted) throw error;
      return false;
    }
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

/** One whose change was noted was looked at when it was. */
function mayBeRestored(found: ObjectInfo, { size, version, observed, rejected }: ObjectRow): boolean {
  if (found.size !== size || found.version === version) return false;
  const noted = [observed, rejected].some((seen) => seen?.kind === 'overwritten' && seen.version === found.version);
  return !noted;
}
