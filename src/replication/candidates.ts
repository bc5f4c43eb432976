import type { ObjectRow } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Candidate } from './read-source.ts';
import type { Site } from './site.ts';

/** The object at the policy's source, while that has the row's version as far as anybody knows. */
export function sourceCandidate(object: ObjectRow, source: Site): Candidate | undefined {
  const { key, size, version, state, observed, rejected } = object;
  const elsewhere = state === 'gone' || observed !== null || rejected !== null;
  return elsewhere ? undefined : candidateAt(source, { key, version, size });
}

/**
 * Copies with evidence for the row's version, cheapest first: where nobody bills for reading, then as the policy names
 * its targets. Without a known digest a copy cannot be told from damage while it streams.
 */
export function copyCandidates({ key, size, sha256, copies }: ObjectRow, targets: readonly Site[]): Candidate[] {
  if (sha256 === null) return [];
  const byPrice = [...targets.filter(isFree), ...targets.filter((site) => !isFree(site))];
  return byPrice.flatMap((site) => {
    const copy = copies.find(({ target }) => target === site.name);
    if (copy?.state !== 'verified' || copy.version === null) return [];
    return [candidateAt(site, { key, version: copy.version, size })];
  });
}

export function candidateAt(
  { provider, parallelReads }: Pick<Site, 'provider' | 'parallelReads'>,
  { key, version, size }: Pick<Candidate, 'key' | 'version' | 'size'>,
): Candidate {
  return { provider, key, version, size, parallelReads };
}

function isFree({ capabilities }: Site): boolean {
  return capabilities?.freeReads === true;
}

export function nowhereToReadFrom(object: ObjectRow, source: string): ProviderError {
  const { key, rejected } = object;
  const what = rejected === null ? 'changed at the source' : 'is kept against the source (its change was rejected)';
  const next = rejected === null ? 'the next pass decides' : '"holdfast release" takes rejections back';
  const message = `${key} ${what} and no verified copy of this version is left to copy from; ${next}`;
  return new ProviderError('conflict', message, { provider: source, key });
}
