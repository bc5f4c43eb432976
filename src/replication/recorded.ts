import type { ObjectVersion } from '../catalog/rows.ts';
import type { Digest } from '../objects/checksum.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes, ObjectHead } from '../objects/object.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Provider } from '../providers/provider.ts';
import { headIfThere } from './prove.ts';

/** What copies say of themselves. */
export interface Recorded {
  readonly digest: Digest;
  readonly attributes: Attributes;
}

/**
 * What the copies' own records say this version of the object is, where all that say something say the same. It is a
 * claim, as anybody who can write the copy can write it: one voice against another counts for nothing.
 */
export async function recordedContent(
  providers: readonly Provider[],
  key: Key,
  object: ObjectVersion,
  signal: AbortSignal,
): Promise<Recorded | undefined> {
  const heads = await Promise.all(providers.map(async (provider) => await headOf(provider, key, signal)));
  const said = heads.flatMap((head) => recordOf(head, object) ?? []);
  const [first] = said;
  return said.every(({ digest }) => digest.sha256 === first?.digest.sha256) ? first : undefined;
}

/** A place that does not answer says nothing; what is wrong with it comes out when its copy is proven. */
async function headOf(provider: Provider, key: Key, signal: AbortSignal): Promise<ObjectHead | undefined> {
  try {
    return await headIfThere(provider, key, signal);
  } catch (error) {
    if (error instanceof ProviderError) return undefined;
    throw error;
  }
}

function recordOf(head: ObjectHead | undefined, { version, size }: ObjectVersion): Recorded | undefined {
  const record = head?.record;
  if (head === undefined || record === undefined) return undefined;
  if (record.sourceVersion !== version || record.size !== size || head.size !== size) return undefined;
  return { digest: { ...record.checksums, sha256: record.sha256 }, attributes: head.attributes };
}
