import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { isAscending } from '../key-order.ts';
import type { GcsClient } from './client.ts';
import { firstNames } from './listing.ts';

/**
 * Whether a listing begins at a name when asked to, one of those that were listed in order (else the middle one), and tells all
 * that was listed from there on. Of the first one nothing is asked.
 */
export async function provesStart(
  client: GcsClient,
  prefix: string,
  listed: readonly Key[],
  signal: AbortSignal,
  start = listed[listed.length >> 1],
): Promise<boolean> {
  if (start === undefined || listed.indexOf(start) < 1 || !isAscending(listed)) return false;
  const rest = listed.slice(listed.indexOf(start));
  try {
    const names = await firstNames(client, prefix, start, signal);
    return rest.every((name, index) => names[index] === name);
  } catch (error) {
    if (tellsNothing(error)) throw error;
    return false;
  }
}

/** The same of a source, to which nothing is written: by what its first page shows. Two requests. */
export async function sourceProvesStart(client: GcsClient, root: string, signal: AbortSignal): Promise<boolean> {
  try {
    return await provesStart(client, root, await firstNames(client, root, undefined, signal), signal);
  } catch (error) {
    if (tellsNothing(error)) throw error;
    return false;
  }
}

function tellsNothing(error: unknown): boolean {
  return !(error instanceof ProviderError) || error.retryable || error.code === 'aborted';
}
