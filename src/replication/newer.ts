import type { KeptVersion } from '../catalog/kept.ts';
import type { CopyRow, ObjectRow } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import type { CopyRecord } from '../objects/object.ts';
import { headIfThere } from './prove.ts';
import type { Candidate } from './read-source.ts';
import { laterThan } from './records.ts';
import type { Site } from './site.ts';

/** How long until such a copy is looked at again, in milliseconds; the second where the source gave no answer. */
const lookAgainAfter = 24 * 3_600_000;
const askAgainAfter = 5 * 60_000;

/** What is known of the object that is to be written. */
interface Known {
  readonly object: ObjectRow;
  readonly sha256: string | undefined;
  /** Its versions that were replaced at targets. */
  readonly kept: () => Promise<readonly KeptVersion[]>;
}

/**
 * Why what stands at a target, and nobody accounts for, must not be replaced by the object as the catalog knows it: its record says
 * that it is another version, of which nobody else may have a copy. A catalog that was rebuilt while this target did not
 * answer, from an older snapshot, or from records of which one was forged, knows nothing of it. Which of them is the newer
 * one no record tells: anybody can write a later time, and an older file can be put in the place of a newer one. Only
 * the source can say that the catalog's version is the right one. Only where the catalog proved the copy to be that version
 * once, an older one is what somebody brought back there, and damage.
 * @returns undefined when it may be replaced. @throws ProviderError when the target does not answer.
 */
export async function newerStanding(
  { name, provider }: Site,
  { evidence }: CopyRow,
  { object, sha256, kept }: Known,
  source: Candidate | undefined,
  signal: AbortSignal,
): Promise<ProviderError | undefined> {
  const { key, version } = object;
  const record = (await headIfThere(provider, key, signal))?.record;
  if (record === undefined || record.sourceVersion === version || record.sha256 === sha256) return undefined;
  if (evidence !== null && !isNewer(record, object)) return undefined;
  // Of what is gone no source tells any more; but that it was this before it became what it is, the catalog knows.
  if (object.state === 'gone' && !isNewer(record, object) && (await wasThis(record, { object, kept })))
    return undefined;
  const standing = source === undefined ? 'no' : await standsAtSource(source, signal);
  if (standing === 'yes') return undefined;
  const retryAfterMs = standing === 'no' ? lookAgainAfter : askAgainAfter;
  const message =
    `what stands at ${name} says that it is version ${record.sourceVersion} of ${key}, ${isNewer(record, object) ? 'newer' : 'not newer but another'} than ${version} that the ` +
    'catalog knows; it is left as it is until the source answers and has the version that the catalog knows. Where the ' +
    'source is lost: delete what is wrong at the target, or run "holdfast rebuild-catalog" with all targets reachable';
  return new ProviderError('conflict', message, { provider: name, key, retryAfterMs });
}

/**
 * Whether the object was that version before it became what it is: it is among its past versions, or another target's
 * copy of the very same was replaced, and is kept there. Never one that came after the version that the row went back to.
 */
async function wasThis(
  { sourceVersion, sha256 }: CopyRecord,
  { object, kept }: Pick<Known, 'object' | 'kept'>,
): Promise<boolean> {
  if (laterThan(object).includes(sourceVersion)) return false;
  if (object.past.includes(sourceVersion)) return true;
  return (await kept()).some((one) => one.sourceVersion === sourceVersion && one.sha256 === sha256);
}

/** Records keep whole milliseconds at some providers. */
function isNewer({ sourceModifiedAt }: CopyRecord, { modifiedAt }: ObjectRow): boolean {
  return Math.floor(sourceModifiedAt) > Math.floor(modifiedAt);
}

async function standsAtSource(
  { provider, key, version }: Candidate,
  signal: AbortSignal,
): Promise<'yes' | 'no' | 'no answer'> {
  try {
    return (await headIfThere(provider, key, signal))?.version === version ? 'yes' : 'no';
  } catch (error) {
    if (error instanceof ProviderError && !signal.aborted) return 'no answer';
    throw error;
  }
}
