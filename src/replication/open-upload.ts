import { createHash } from 'node:crypto';
import type { OpenUploadRow } from '../catalog/uploads.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes } from '../objects/object.ts';
import type { Checkpoint, Part, ResumedUpload, Upload, UploadOptions } from '../providers/provider.ts';
import type { Log } from '../telemetry/log.ts';
import { headIfThere } from './prove.ts';
import type { Destination } from './store.ts';
import { preconditionFor } from './store.ts';
import type { JournalEntry, UploadJournal } from './upload-journal.ts';

/** What is to be uploaded where. */
export interface Opening {
  readonly to: Destination;
  readonly key: Key;
  /** The version at the policy's source. */
  readonly version: string;
  readonly size: number;
  readonly partSize: number;
  readonly attributes: Attributes;
  /** Absent: nothing is remembered, and nothing taken up. */
  readonly journal: UploadJournal | undefined;
  /** What the journal has about this key at this target. */
  readonly recorded: readonly OpenUploadRow[];
  readonly log: Log;
}

/** An upload under way, begun just now or taken up. */
export class OpenedUpload {
  readonly upload: Upload;
  readonly entry: JournalEntry | undefined;
  readonly #resumed: ResumedUpload | undefined;

  constructor(upload: Upload, entry: JournalEntry | undefined, resumed?: ResumedUpload) {
    this.upload = upload;
    this.entry = entry;
    this.#resumed = resumed;
  }

  /**
   * Whether a part need not be sent. `sha256`: of all bytes up to its end, as they were read now.
   * @throws ProviderError `conflict` when other bytes were sent before: the upload is worth nothing.
   */
  async keeps(part: Part, sha256: string, signal: AbortSignal): Promise<boolean> {
    const before = this.entry?.row.progress;
    if (this.#resumed === undefined || !before || part.number > before.parts) return false;
    if (part.number === before.parts && sha256 !== before.sha256) throw otherBytes(this.entry.row);
    return await this.#resumed.keep(part, signal);
  }
}

/**
 * Takes up the upload that an earlier attempt left, or begins one. What else was left of this key is thrown away.
 * @returns `standing` when what was left is no more and something new stands at the key: most likely it was completed.
 */
export async function openUpload(opening: Opening, signal: AbortSignal): Promise<OpenedUpload | 'standing'> {
  const { journal, recorded } = opening;
  const options = optionsOf(opening);
  if (journal === undefined) {
    return new OpenedUpload(await opening.to.provider.startUpload(opening.key, options, signal), undefined);
  }
  const terms = termsOf(options);
  const left = recorded.find((row) => row.checkpoint !== null && isSame(row, opening, terms));
  for (const row of recorded.filter((other) => other !== left)) await throwAway(opening, row, signal);
  const checkpoint = left?.checkpoint ?? null;
  if (left === undefined || checkpoint === null) return await begin(opening, options, terms, journal, signal);
  const resumed = await takeUp(opening, options, checkpoint, signal);
  if (resumed !== undefined) {
    const { target, key, progress } = left;
    const entry = journal.entry(left);
    await renew(opening, entry, checkpoint, resumed, signal);
    opening.log.info({ target, key, parts: progress?.parts ?? 0 }, 'an upload goes on where it was left');
    return new OpenedUpload(resumed, entry, resumed);
  }
  if (await somethingNewStands(opening, signal)) return 'standing';
  await throwAway(opening, left, signal);
  return await begin(opening, options, terms, journal, signal);
}

/** What is refused once is refused for ever: with such an upload nobody goes on, and the object shall not wait for it. */
async function takeUp(
  { to, key, log }: Opening,
  options: UploadOptions,
  checkpoint: Checkpoint,
  signal: AbortSignal,
): Promise<ResumedUpload | undefined> {
  try {
    return await to.provider.resumeUpload(key, options, checkpoint, signal);
  } catch (error) {
    if (!(error instanceof ProviderError) || error.retryable || error.code === 'aborted') throw error;
    const said = `an upload that was left is not taken up, but begun anew: ${error.message}`;
    log.warn({ target: to.name, key, code: error.code }, said);
    return undefined;
  }
}

/** Only when the new checkpoint is noted does the old one go; a crash in between leaves what is found as a stray. */
async function renew(
  opening: Opening,
  entry: JournalEntry,
  former: Checkpoint,
  resumed: ResumedUpload,
  signal: AbortSignal,
): Promise<void> {
  if (resumed.checkpoint === former) return;
  if (!(await entry.begun(resumed.checkpoint))) {
    await resumed.abort(signal);
    throw leaseLost(opening);
  }
  await abortIfPossible(opening, former, signal);
}

async function begin(
  opening: Opening,
  options: UploadOptions,
  terms: string,
  journal: UploadJournal,
  signal: AbortSignal,
): Promise<OpenedUpload> {
  const { to, key, version, size, partSize } = opening;
  const intend = async (): Promise<JournalEntry> => {
    const entry = await journal.intend({ target: to.name, key, version, size, partSize, terms });
    if (entry === undefined) throw leaseLost(opening);
    return entry;
  };
  const { upload, entry } = await start(opening, options, intend, signal);
  if (await entry.begun(upload.checkpoint)) return new OpenedUpload(upload, entry);
  await upload.abort(signal);
  throw leaseLost(opening);
}

/**
 * A request that was refused began nothing; of one that was not answered nobody knows, so that its note stays, and whoever
 * looks for orphans finds what it began. A request that repeats it has a note of its own.
 */
async function start(
  { to, key }: Opening,
  options: UploadOptions,
  intend: () => Promise<JournalEntry>,
  signal: AbortSignal,
): Promise<{ readonly upload: Upload; readonly entry: JournalEntry }> {
  const first = await intend();
  let repeated: JournalEntry | undefined;
  const onRepeat = async (): Promise<void> => {
    repeated ??= await intend();
  };
  try {
    const upload = await to.provider.startUpload(key, { ...options, onRepeat }, signal);
    return { upload, entry: repeated ?? first };
  } catch (error) {
    const refused = error instanceof ProviderError && error.code !== 'unavailable' && error.code !== 'aborted';
    // Where several were not answered, the first one's note tells of them all.
    if (refused || repeated !== undefined) await (repeated ?? first).end('over');
    throw error;
  }
}

/** It is given up first: what cannot be thrown away now, whoever looks for orphans throws away later. */
async function throwAway({ to, journal }: Opening, row: OpenUploadRow, signal: AbortSignal): Promise<void> {
  // Of one that is not known to have been begun, only the provider can tell; that is looked into when nobody is at work.
  if (row.checkpoint === null) return;
  const entry = journal?.entry(row);
  if ((await entry?.end('given-up')) !== true) return;
  if (await abortIfPossible({ to, key: row.key }, row.checkpoint, signal)) await entry?.end('over');
}

async function abortIfPossible(
  { to, key }: Pick<Opening, 'to' | 'key'>,
  checkpoint: Checkpoint,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await to.provider.abortUpload(key, checkpoint, signal);
    return true;
  } catch (error) {
    if (error instanceof ProviderError) return false;
    throw error;
  }
}

async function somethingNewStands({ to, key }: Opening, signal: AbortSignal): Promise<boolean> {
  const head = await headIfThere(to.provider, key, signal);
  return head !== undefined && head.version !== to.occupied;
}

function isSame(row: OpenUploadRow, { version, size, partSize }: Opening, terms: string): boolean {
  return row.version === version && row.size === size && row.partSize === partSize && row.terms === terms;
}

function optionsOf({ to, size, partSize, attributes }: Opening): UploadOptions {
  return { size, partSize, attributes, precondition: preconditionFor(to.occupied) };
}

/** Providers take attributes and precondition when an upload begins. */
function termsOf({ attributes, precondition }: UploadOptions): string {
  const sorted = (values: object) => Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  const { metadata, ...headers } = attributes;
  const terms = JSON.stringify([sorted(headers), sorted(metadata), precondition]);
  return createHash('sha256').update(terms).digest('hex');
}

function otherBytes({ target, key }: OpenUploadRow): ProviderError {
  const message = `the bytes of ${key} are not those that were sent to ${target} before, although its version is the same; the upload is begun anew`;
  return new ProviderError('conflict', message, { provider: target, key });
}

function leaseLost({ to, key }: Opening): ProviderError {
  const message = `${key} is not copied to ${to.name} here: the lease was lost`;
  return new ProviderError('aborted', message, { provider: to.name, key });
}
