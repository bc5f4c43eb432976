import type { ObjectRow, Observed } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import { isOnlyTouched } from './audit-source.ts';
import { headIfThere } from './prove.ts';
import type { Site } from './site.ts';

/**
 * After a failed read: whether the source moved on. A source that does not answer this either tells nothing. One whose
 * version alone is another (see `isOnlyTouched`) did not: what it is comes out by reading, or rot would be followed.
 */
export async function changeAtSource(
  source: Site,
  object: ObjectRow,
  failure: ProviderError,
  signal: AbortSignal,
): Promise<Observed | undefined> {
  if (failure.code !== 'conflict' && failure.code !== 'not-found') return undefined;
  try {
    const head = await headIfThere(source.provider, object.key, signal);
    if (head === undefined) return { kind: 'vanished' };
    if (head.version === object.version) return undefined;
    if (object.sha256 !== null && isOnlyTouched(source, head, object)) return undefined;
    const { size, modifiedAt } = head;
    return { kind: 'overwritten', version: head.version, size, modifiedAt };
  } catch (error) {
    if (error instanceof ProviderError) return undefined;
    throw error;
  }
}
