import type { ObjectRow } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import { headIfThere } from './prove.ts';
import type { Candidate } from './read-source.ts';
import type { Site } from './site.ts';

/** How long until such a copy is looked at again, in milliseconds. */
const lookAgainAfter = 24 * 3_600_000;

/**
 * Why what stands at a target must not be replaced by the object as the catalog knows it: its record says that it is a newer
 * version, of which nobody else may have a copy. A catalog that was rebuilt while this target did not answer, or from
 * an older snapshot, knows nothing of it. Only the source can say that the older version is the right one.
 * @returns undefined when it may be replaced. @throws ProviderError when the target does not answer.
 */
export async function newerStanding(
  { name, provider }: Site,
  object: ObjectRow,
  sha256: string | undefined,
  source: Candidate | undefined,
  signal: AbortSignal,
): Promise<ProviderError | undefined> {
  const { key, version, modifiedAt } = object;
  const record = (await headIfThere(provider, key, signal))?.record;
  if (record === undefined || record.sourceVersion === version || record.sha256 === sha256) return undefined;
  // Records keep whole milliseconds at some providers.
  if (Math.floor(record.sourceModifiedAt) <= Math.floor(modifiedAt)) return undefined;
  if (source !== undefined && (await isAtSource(source, signal))) return undefined;
  const message =
    `what stands at ${name} says that it is version ${record.sourceVersion} of ${key}, newer than ${version} that the catalog ` +
    'knows; it is left as it is. Make the source answer, or run "holdfast rebuild-catalog" with all targets reachable';
  return new ProviderError('conflict', message, { provider: name, key, retryAfterMs: lookAgainAfter });
}

async function isAtSource({ provider, key, version }: Candidate, signal: AbortSignal): Promise<boolean> {
  try {
    return (await headIfThere(provider, key, signal))?.version === version;
  } catch (error) {
    if (error instanceof ProviderError && !signal.aborted) return false;
    throw error;
  }
}
