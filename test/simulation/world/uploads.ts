import type { Key } from '../../../src/objects/key.ts';
import type { OpenUpload, StoredCopy } from '../../../src/providers/provider.ts';
import type { Doer } from './store.ts';

/** Parts that wait at a store until they are made an object. */
export interface LeftUpload {
  readonly checkpoint: string;
  readonly key: Key;
  readonly size: number;
  readonly partSize: number;
  readonly startedAt: number;
  readonly by: Doer;
  readonly parts: Map<number, { readonly sent: Buffer; readonly came: Buffer }>;
}

/** `by key`: listed like S3's; `without key`: files that do not tell what they are for; `never`: nothing is listed. */
export type UploadListing = 'by key' | 'without key' | 'never';

/** The uploads of one store; they outlive the processes that began them. */
export class Uploads {
  readonly open = new Map<string, LeftUpload>();
  /** What became of those that were completed. */
  readonly completed = new Map<string, StoredCopy>();
  readonly #store: string;
  readonly #listing: UploadListing;
  readonly #now: () => number;
  /** Told what was thrown away, by whom. */
  readonly #onAbort: (upload: LeftUpload, by: Doer) => void;
  #begun = 0;

  constructor(
    store: string,
    listing: UploadListing,
    now: () => number,
    onAbort: (upload: LeftUpload, by: Doer) => void,
  ) {
    this.#store = store;
    this.#listing = listing;
    this.#now = now;
    this.#onAbort = onAbort;
  }

  begin(upload: Pick<LeftUpload, 'key' | 'size' | 'partSize' | 'by'>): string {
    this.#begun += 1;
    const checkpoint = `${this.#store}-upload-${this.#begun}`;
    this.open.set(checkpoint, { ...upload, checkpoint, startedAt: this.#now(), parts: new Map() });
    return checkpoint;
  }

  complete(checkpoint: string, stored: StoredCopy): void {
    this.open.delete(checkpoint);
    this.completed.set(checkpoint, stored);
  }

  abort(checkpoint: string, by: Doer): void {
    const upload = this.open.get(checkpoint);
    if (upload === undefined) return;
    this.open.delete(checkpoint);
    this.#onAbort(upload, by);
  }

  list(key: Key | null, known: readonly string[]): OpenUpload[] {
    const listed = this.#listing === (key === null ? 'without key' : 'by key');
    const found = [...this.open.values()].filter((upload) => listed && (key === null || upload.key === key));
    return found
      .filter(({ checkpoint }) => !known.includes(checkpoint))
      .map(({ checkpoint, startedAt }) => ({ checkpoint, startedAt }));
  }
}
