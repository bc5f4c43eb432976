import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { belongsToOneCopy, descriptionKey } from '../description.ts';
import type { GcsClient } from './client.ts';
import { selfPortrait } from './metadata.ts';
import { getResource, remove } from './objects.ts';
import { readDescription } from './reading.ts';

/**
 * Deletes the object while its live generation is this one, and with it the description that is its alone.
 * @throws ProviderError `conflict` when it is another one.
 */
export async function removeGeneration(
  client: GcsClient,
  key: Key,
  generation: string,
  signal: AbortSignal,
): Promise<void> {
  const descriptionId = await describedBy(client, key, signal);
  await remove(client, key, { ifGenerationMatch: generation }, signal);
  if (descriptionId !== undefined) await removeOwnDescription(client, descriptionId, signal);
}

async function describedBy(client: GcsClient, key: Key, signal: AbortSignal): Promise<string | undefined> {
  try {
    return selfPortrait(await getResource(client, key, signal)).descriptionId;
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** The object is gone already, so what goes wrong here leaves a small orphan and nothing else. */
async function removeOwnDescription(client: GcsClient, id: string, signal: AbortSignal): Promise<void> {
  try {
    if (!belongsToOneCopy(await readDescription(client, id, signal))) return;
    await remove(client, descriptionKey(client.reserved, id), {}, signal);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
  }
}
