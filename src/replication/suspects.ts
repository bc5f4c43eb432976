import PQueue from 'p-queue';
import type { Finding } from '../catalog/findings.ts';
import type { ObjectOutline } from '../catalog/rows.ts';
import { auditSource, isOnlyTouched } from './audit-source.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Clock } from '../objects/clock.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { isOver } from '../objects/set-back.ts';
import { agreement, digestByReading, headIfThere } from './prove.ts';
import type { Site } from './site.ts';

/** Objects read at once beside a walk. */
const atOnce = 4;

/** Bytes read that are worth a transaction of their own. */
const newsBytes = 64 * 1024 * 1024;

/**
 * Damage counts once two reads in a row found it, and both may have come over the same bad wire. Looked at again after this
 * long, in milliseconds, it costs two reads a day.
 */
const lookAgainAfter = 24 * 3_600_000;

export interface SuspectsOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly onFinding: (finding: Finding) => void;
  /** What was suspected to be the same object is a change like any other. `unlike`: the SHA-256 that it does not have. */
  readonly onChange: (found: ObjectInfo, row: ObjectOutline, unlike: string | undefined) => void;
}

/** `touched`: no change, whatever its bytes are now. `asked`: it comes out whether it is a change. */
export type Suspicion = 'touched' | 'asked' | undefined;

/**
 * Source objects that may be the same although their version is another one. Reading tells.
 * - Size and time are the same (see `isOnlyTouched`): where nothing happened to the bytes, nothing is copied; where
 *   something did, nobody wrote it, so that it is damage at the source and no change to be followed.
 * - The size is the same, and the provider's own checksum is that of the known bytes, or the object carries Holdfast's record
 *   of just them: a restore put it there. Where its bytes are others, it is a change. That is asked once of each digest:
 *   what was noted before the copies told theirs (the catalog was lost) is asked again when they have.
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

  /** @returns undefined when it is none: then another version is a change. */
  take(found: ObjectInfo, row: ObjectOutline): Suspicion {
    const { sha256, state } = row;
    if (sha256 === null || state === 'gone') return undefined;
    if (isOnlyTouched(this.#source, found, row)) {
      if (!this.#isKnownDamage(found, row)) this.#later(async () => await this.#audit(row, sha256));
      return 'touched';
    }
    if (!mayBeRestored(found, row, sha256)) return undefined;
    this.#later(async () => {
      const same = await this.#isSame(found, row, sha256);
      if (same === true) this.#found(row, found.version, sha256);
      else this.#options.onChange(found, row, same === false ? sha256 : undefined);
    });
    return 'asked';
  }

  #isKnownDamage({ version }: ObjectInfo, { damagedVersion, updatedAt }: ObjectOutline): boolean {
    const until = updatedAt + lookAgainAfter;
    return damagedVersion === version && !isOver(until, this.#options.clock.now(), lookAgainAfter);
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
  async #audit(row: ObjectOutline, sha256: string): Promise<void> {
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

  #found({ id, version }: ObjectOutline, found: string, sha256: string): void {
    this.#options.onFinding({ kind: 'source-read', id, version, found, sha256 });
  }

  /** @returns undefined when the place does not answer, which tells nothing: it is a change until it does. */
  async #isSame(
    { key, size, version }: ObjectInfo,
    { checksums }: ObjectOutline,
    sha256: string,
  ): Promise<boolean | undefined> {
    const { provider } = this.#source;
    try {
      const head = await headIfThere(provider, key, this.#signal);
      if (head?.version !== version) return undefined;
      if (agreement(head.checksums ?? {}, { ...checksums, sha256 })?.equal === true) return true;
      if (head.record?.sha256 !== sha256) return false;
      const onBytes = (bytes: number): void => void (this.#read += bytes);
      const read = await digestByReading({ provider, key, version, size }, [], onBytes, this.#signal);
      return read.sha256 === sha256;
    } catch (error) {
      if (!(error instanceof ProviderError) || this.#signal.aborted) throw error;
      return undefined;
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

/** One that was found to be unlike this digest is not asked again. */
function mayBeRestored(
  found: ObjectInfo,
  { size, version, observed, rejected }: ObjectOutline,
  sha256: string,
): boolean {
  if (found.size !== size || found.version === version) return false;
  if (rejected?.kind === 'overwritten' && rejected.version === found.version) return false;
  return observed?.kind !== 'overwritten' || observed.version !== found.version || observed.unlike !== sha256;
}
