import type { ObjectRow } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Provider } from '../providers/provider.ts';
import type { Candidate } from './read-source.ts';

/** The object at the policy's source, while that has the row's version as far as anybody knows. */
export function sourceCandidate(object: ObjectRow, source: Provider): Candidate | undefined {
  const { key, size, version, state, observed } = object;
  return state === 'gone' || observed !== null ? undefined : { provider: source, key, version, size };
}

/** Copies with evidence for the row's version. Without a known digest a copy cannot be told from damage while it streams. */
export function copyCandidates(object: ObjectRow, providerOf: (target: string) => Provider): Candidate[] {
  const { key, size, sha256, copies } = object;
  if (sha256 === null) return [];
  return copies.flatMap(({ target, state, version }) =>
    state === 'verified' && version !== null ? [{ provider: providerOf(target), key, version, size }] : [],
  );
}

export function nowhereToReadFrom(object: ObjectRow, source: string): ProviderError {
  const { key } = object;
  const message = `${key} changed at the source and no verified copy of this version is left to copy from; the next pass decides`;
  return new ProviderError('conflict', message, { provider: source, key });
}
