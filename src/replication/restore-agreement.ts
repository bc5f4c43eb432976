import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { agreedContent } from './agreement.ts';
import { candidate, type Asked, type Choice } from './restore-choices.ts';

/**
 * What copies without any record are, where at least two that were read by themselves hold the same bytes and more hold
 * them than any other.
 * @throws ProviderError `invalid` when nothing decides.
 */
export async function agreedChoice(
  key: Key,
  silent: readonly Asked[],
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Choice> {
  const sizes = [...Map.groupBy(silent, ({ head }) => head.size).values()].toSorted((a, b) => b.length - a.length);
  const [most = [], next = []] = sizes;
  const [first] = most;
  if (first === undefined || most.length < 2 || most.length === next.length) throw undecided(key, silent);
  const { size, version, modifiedAt } = first.head;
  const providers = most.map(({ site }) => site.provider);
  const agreed = await agreedContent(providers, { key, version: '', size }, onBytes, signal);
  if (agreed === undefined) throw undecided(key, silent);
  const { sha256, ...checksums } = agreed.digest;
  const candidates = most.map(({ site, head }) => candidate(site, key, head));
  return { sha256, checksums: { ...checksums, sha256 }, size, version, modifiedAt, attributes: null, candidates };
}

function undecided(key: Key, silent: readonly Asked[]): ProviderError {
  const names = silent.map(({ site }) => site.name);
  const message =
    `what stands at ${names.join(', ')} carries no record of Holdfast's, and no two copies that were read agree, so that ` +
    "nobody knows whether it is the object; look at it there, and copy it with the provider's own tools if it is";
  return new ProviderError('invalid', message, { provider: names[0] ?? '', key });
}
