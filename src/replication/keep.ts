import type { KeptLedger, KeptVersion } from '../catalog/kept.ts';
import type { CopyRow, ObjectRow } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectHead } from '../objects/object.ts';
import type { CopyOptions } from './copy-job.ts';
import { copyObject } from './copy.ts';
import { keptKey, withKey } from './kept-name.ts';
import { digestByReading, headIfThere, proveByReading } from './prove.ts';
import { OccupiedError, type Destination, type Stored } from './store.ts';

export type KeepingLedger = Pick<KeptLedger, 'noteKept' | 'noteNotKept' | 'keptOf'>;

export interface KeepOptions extends CopyOptions {
  readonly ledger: KeepingLedger;
  readonly policy: string;
  /** How long it is kept, in milliseconds. */
  readonly history: number;
}

/** What stands at the key of a copy that is about to be written. */
export interface Replaced {
  readonly key: Key;
  readonly to: Destination;
  /** What was last proven of what stood there; null when nothing was. */
  readonly evidence: Evidence | null;
  /** The object as it is to be written: its version at the source, and its SHA-256 where that is known. */
  readonly by: { readonly version: string; readonly sha256: string | null };
}

/**
 * Whether nobody knows what it is that stands at the target: nothing was ever proven of it, or the copy was proven to be the
 * present version and something else stands there now. Mostly that is damage; but it may be a version that this catalog,
 * rebuilt or put back, never heard of.
 */
export function isUnaccounted({ version, evidence }: CopyRow, sha256: string | null): boolean {
  return version !== null && (evidence === null || evidence.sha256 === sha256);
}

/** How long what nobody decided about is kept, in milliseconds. */
export const undecidedFor = 90 * 24 * 3_600_000;

/**
 * What stands at a target and was never known to this catalog may be the only good copy of the object that is left: the
 * catalog was lost while the target did not answer, and the others had nothing. The guard never judged that it be replaced,
 * so that it is kept even by a policy without a history. So is what is replaced of an object that is gone: what made it
 * another version was told by copies alone, and no source can say that they are wrong.
 * @returns how long; undefined for what need not be.
 */
export function keptAnyway(copy: CopyRow, sha256: string | null, state: ObjectRow['state']): number | undefined {
  return state === 'gone' || isUnaccounted(copy, sha256) ? undecidedFor : undefined;
}

/**
 * Sees to it that what stands at the key can still be read after it was overwritten, if it is a version of the object:
 * its bytes are those that were proven once, or those of the record that Holdfast wrote with them (a crash or a lost
 * catalog leaves copies of which nothing else is known). What bears no record and of which nothing was ever proven is kept
 * as it is: another program's, or a copy whose record was lost. All else is no history, and that is noted. When this
 * returns, it may be overwritten.
 * @throws ProviderError when it could not be kept; then nothing may be overwritten.
 */
export async function keepReplaced(replaced: Replaced, options: KeepOptions, signal: AbortSignal): Promise<void> {
  const { to, key } = replaced;
  try {
    const standing = await headIfThere(to.provider, key, signal);
    if (standing === undefined || saysItIs(standing, replaced.by)) return;
    const digests = await digestsOf(standing, replaced, options, signal);
    let why: string | undefined;
    for (const sha256 of digests) {
      why = await new Keeping({ ...replaced, sha256, standing }, options, signal).keep();
      if (why === undefined) return;
    }
    if (why !== undefined) await noteNotKept(replaced, standing, why, options);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    throw notOverwritten(to.name, key, error);
  }
}

/** The very version that is to be written, as an attempt that was cut short leaves it: the write will find it. */
function saysItIs({ record }: ObjectHead, { version, sha256 }: Replaced['by']): boolean {
  return record !== undefined && (record.sourceVersion === version || record.sha256 === sha256);
}

/** The present version needs no keeping: it is written in its place. */
async function digestsOf(
  { record, version, size }: ObjectHead,
  { key, to: { provider }, evidence, by }: Replaced,
  { onBytes }: KeepOptions,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const digests = new Set([record?.sha256, evidence?.sha256].filter((sha256) => sha256 !== undefined));
  if (digests.size === 0)
    digests.add((await digestByReading({ provider, key, version, size }, [], onBytes, signal)).sha256);
  if (by.sha256 !== null) digests.delete(by.sha256);
  return digests;
}

async function noteNotKept(
  { key, to }: Replaced,
  { version }: ObjectHead,
  why: string,
  { ledger, policy, log }: KeepOptions,
): Promise<void> {
  const detail = `version ${version} that is replaced is no version of the object that is known: ${why}`;
  log.warn({ policy, target: to.name, key }, `${detail}; it is not kept`);
  await ledger.noteNotKept(policy, key, to.name, detail);
}

/** One of the plain kind: what an `OccupiedError` says of a version would be taken for what stands at the object's key. */
function notOverwritten(target: string, key: Key, cause: ProviderError): ProviderError {
  const message = `${key} at ${target} is not overwritten, because what stands there could not be kept: ${cause.message}`;
  const { retryAfterMs } = cause;
  const details = { provider: target, key, cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return new ProviderError(cause.code, message, details);
}

interface Standing extends Replaced {
  readonly standing: ObjectHead;
  /** What its bytes must have to be kept. */
  readonly sha256: string;
}

class Keeping {
  readonly #what: Standing;
  readonly #options: KeepOptions;
  readonly #signal: AbortSignal;

  constructor(what: Standing, options: KeepOptions, signal: AbortSignal) {
    this.#what = what;
    this.#options = options;
    this.#signal = signal;
  }

  /** @returns why it is not what it must be; undefined when it is kept. */
  async keep(): Promise<string | undefined> {
    const { to, standing } = this.#what;
    const { versionId } = standing;
    if (to.capabilities.keepsReplaced !== true || versionId === undefined) return await this.#byCopy();
    return await this.#byProvider(versionId);
  }

  /** Nothing is read of what is what it was and says so itself: reading it back from history will tell. */
  async #byProvider(id: string): Promise<string | undefined> {
    const { to, evidence, standing, sha256 } = this.#what;
    const { version, record } = standing;
    const asProven = version === to.occupied && record?.sha256 === sha256 && evidence?.sha256 === sha256;
    const proven = asProven ? evidence : await this.#read();
    if (typeof proven === 'string') return proven;
    await this.#note({ by: 'provider', id, version }, proven);
    return undefined;
  }

  async #byCopy(): Promise<string | undefined> {
    const { key, standing, sha256 } = this.#what;
    const at = keptKey(key, { version: standing.version, sha256 });
    const place = { by: 'holdfast', key: at, version: null } as const;
    // Before anything is written there, so that there is never anything of which nobody knows when its time is over.
    await this.#note(place, null);
    if (await this.#isThere(at)) return undefined;
    try {
      const stored = await this.#copy(at, null);
      await this.#note({ ...place, version: stored.version }, stored.evidence);
      return undefined;
    } catch (error) {
      // The bytes that came are not those: on their way, or because it rotted where it stands.
      if (!(error instanceof ProviderError) || error.code !== 'checksum-mismatch') throw error;
      const found = await this.#read();
      if (typeof found !== 'string') throw error;
      return found;
    }
  }

  /** Kept by an earlier attempt, which did not get to overwriting. */
  async #isThere(at: Key): Promise<boolean> {
    const { ledger, policy } = this.#options;
    const { key, to } = this.#what;
    const known = (await ledger.keptOf(policy, key)).find(
      ({ target, place }) => target === to.name && place.by === 'holdfast' && place.key === at,
    );
    if (known === undefined) return false;
    return (await headIfThere(to.provider, at, this.#signal))?.version === known.place.version;
  }

  /** Below `.holdfast/history/` all is ours: what stands there and is not it, is replaced. */
  async #copy(at: Key, occupied: string | null): Promise<Stored> {
    const { key, to, standing, sha256 } = this.#what;
    const { version, size, attributes, record, modifiedAt } = standing;
    const { outcomes } = await copyObject(
      {
        from: { ...{ key, version, size }, provider: to.provider, parallelReads: to.capabilities.parallelReads },
        as: at,
        attributes: withKey(attributes, key, this.#options.now()),
        sourceVersion: record?.sourceVersion ?? version,
        sourceModifiedAt: record?.sourceModifiedAt ?? modifiedAt,
        sha256,
        destinations: [{ ...to, occupied }],
      },
      this.#options,
      this.#signal,
    );
    const outcome = outcomes.get(to.name);
    if (outcome instanceof OccupiedError && occupied === null) return await this.#copy(at, outcome.version);
    if (outcome instanceof ProviderError) throw outcome;
    if (outcome === undefined) throw new Error(`nothing became of keeping ${key} at ${to.name}`);
    return outcome;
  }

  /** @returns that it is what it must be, or why not. */
  async #read(): Promise<Evidence | string> {
    const { key, to, standing, sha256 } = this.#what;
    const expected = { size: standing.size, digest: { sha256 } };
    const proof = await proveByReading(to.provider, key, standing.version, expected, this.#options, this.#signal);
    if (proof.state === 'right') return proof.evidence;
    return proof.state === 'missing' ? 'it is gone' : proof.why;
  }

  /** @throws ProviderError `unavailable` when just this is being deleted, because its time was over. */
  async #note(place: KeptVersion['place'], evidence: Evidence | null): Promise<void> {
    const { ledger, policy, history, now } = this.#options;
    const { key, to, standing, sha256 } = this.#what;
    const { size, attributes, record } = standing;
    const { sourceVersion = null, sourceModifiedAt: modifiedAt = null } = record ?? {};
    const replacedAt = now();
    const time = { sourceVersion, modifiedAt, replacedAt, expiresAt: replacedAt + history };
    const kept = { key, target: to.name, place, size, sha256, attributes, ...time, evidence };
    if (await ledger.noteKept(policy, kept)) return;
    const message = `an older copy of the same version is being deleted at ${to.name}; it is kept anew once that is over`;
    throw new ProviderError('unavailable', message, { provider: to.name, key });
  }
}
