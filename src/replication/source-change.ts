import type { Observed } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Provider } from '../providers/provider.ts';
import { headIfThere } from './prove.ts';

/** After a failed read: whether the source moved on. A source that does not answer this either tells nothing. */
export async function changeAtSource(
  source: Provider,
  key: Key,
  version: string,
  failure: ProviderError,
  signal: AbortSignal,
): Promise<Observed | undefined> {
  if (failure.code !== 'conflict' && failure.code !== 'not-found') return undefined;
  try {
    const head = await headIfThere(source, key, signal);
    if (head === undefined) return { kind: 'vanished' };
    if (head.version === version) return undefined;
    const { size, modifiedAt } = head;
    return { kind: 'overwritten', version: head.version, size, modifiedAt };
  } catch (error) {
    if (error instanceof ProviderError) return undefined;
    throw error;
  }
}
