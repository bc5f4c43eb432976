import type { ClaimToken } from '../catalog/claims.ts';
import type { IntendedUpload, OpenUploadRow, UploadLedger, UploadNote, UploadProgress } from '../catalog/uploads.ts';
import type { Clock } from '../objects/clock.ts';
import type { Key } from '../objects/key.ts';

/** What of the catalog remembers uploads. */
export type RememberingLedger = Pick<UploadLedger, 'intendUpload' | 'noteUploads' | 'uploadsOf'>;

/** How often progress is noted, in milliseconds; and sooner after so large a share of the object. */
const noteEvery = 500;
const noteAfterShare = 1 / 32;

/** What is remembered of the uploads of one claimed object, so that whoever claims it next goes on where this one ended. */
export class UploadJournal {
  readonly #ledger: RememberingLedger;
  readonly #claim: ClaimToken;
  readonly #clock: Clock;

  constructor(ledger: RememberingLedger, claim: ClaimToken, clock: Clock) {
    this.#ledger = ledger;
    this.#claim = claim;
    this.#clock = clock;
  }

  /** The uploads of this key at these targets, of whatever version and shape. */
  async recorded(key: Key, targets: readonly string[]): Promise<readonly OpenUploadRow[]> {
    const rows = await this.#ledger.uploadsOf(this.#claim);
    return rows.filter((row) => row.key === key && targets.includes(row.target));
  }

  /** Before it is begun. @returns undefined when the lease is lost. */
  async intend(upload: IntendedUpload): Promise<JournalEntry | undefined> {
    const id = await this.#ledger.intendUpload(this.#claim, upload);
    return id === null ? undefined : this.entry({ ...upload, id, checkpoint: null, progress: null });
  }

  entry(row: OpenUploadRow): JournalEntry {
    const note: Note = async (what) => await this.#ledger.noteUploads(this.#claim, [{ id: row.id, ...what }]);
    return new JournalEntry(row, note, this.#clock);
  }
}

type Note = (note: Omit<UploadNote, 'id'>) => Promise<boolean>;

/** One upload. */
export class JournalEntry {
  readonly row: OpenUploadRow;
  readonly #note: Note;
  readonly #clock: Clock;
  /** Digests of the bytes up to parts that were taken, before all that come before them were. */
  readonly #ahead = new Map<number, string>();
  #progress: UploadProgress | null;
  #noted: number;
  #notedAt: number;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(row: OpenUploadRow, note: Note, clock: Clock) {
    this.row = row;
    this.#note = note;
    this.#clock = clock;
    this.#progress = row.progress;
    this.#noted = row.progress?.parts ?? 0;
    this.#notedAt = clock.now();
  }

  /** @returns false when the lease is lost. */
  async begun(checkpoint: string): Promise<boolean> {
    return await this.#note({ checkpoint });
  }

  /** The provider has taken a part; `sha256`: of all bytes up to its end. Parts may come out of order. */
  taken(number: number, sha256: string): void {
    if (number <= (this.#progress?.parts ?? 0)) return;
    this.#ahead.set(number, sha256);
    for (;;) {
      const parts = (this.#progress?.parts ?? 0) + 1;
      const next = this.#ahead.get(parts);
      if (next === undefined) break;
      this.#progress = { parts, sha256: next };
      this.#ahead.delete(parts);
    }
    if (this.#isDue()) this.#write();
  }

  /** All progress is noted. @throws the catalog's error. */
  async flush(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  /** @returns false when the lease is lost: somebody else may have taken it up. */
  async end(how: 'given-up' | 'over'): Promise<boolean> {
    await this.#writing.catch(() => undefined);
    return await this.#note({ end: how });
  }

  #isDue(): boolean {
    const { size, partSize } = this.row;
    const news = ((this.#progress?.parts ?? 0) - this.#noted) * partSize;
    return news > 0 && (news >= size * noteAfterShare || this.#clock.now() - this.#notedAt >= noteEvery);
  }

  /** Whoever waits for it meets its failure (`flush`). */
  #write(): void {
    const progress = this.#progress;
    if (progress === null || progress.parts <= this.#noted) return;
    this.#noted = progress.parts;
    this.#notedAt = this.#clock.now();
    this.#writing = Promise.all([this.#writing, this.#note({ progress })]);
    this.#writing.catch(() => undefined);
  }
}
