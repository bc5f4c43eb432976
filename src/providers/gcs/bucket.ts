import type { GcsClient } from './client.ts';
import { bucketPath, call, operation, query } from './client.ts';
import { parseObject } from '../description.ts';
import { fail } from './errors.ts';

/**
 * Makes sure that the bucket exists. Credentials that may not read the bucket itself but its objects are fine.
 * @returns whether its object versioning is on, as far as that is told.
 * @throws ProviderError `not-found`
 */
export async function getBucket(client: GcsClient, signal: AbortSignal): Promise<boolean> {
  const doing = operation(client, 'reach');
  const path = `${bucketPath(client)}?${query({ fields: 'name,versioning' })}`;
  const { status, text } = await call(client, { method: 'GET', path }, doing, signal, [403, 404]);
  if (status === 404) throw fail('not-found', 'there is no such bucket. Create it, or correct "bucket"', doing);
  const { versioning } = (parseObject(text) ?? {}) as { readonly versioning?: { readonly enabled?: unknown } | null };
  return versioning?.enabled === true;
}
