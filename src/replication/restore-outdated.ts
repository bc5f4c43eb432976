import { ProviderError } from '../objects/errors.ts';
import { isoTime } from '../objects/iso-time.ts';
import type { Choice } from './restore-choices.ts';
import type { Offer } from './restore-object.ts';
import type { Sighting } from './restore-walk.ts';

/** Whether a target has another copy than the catalog knows there, as where an older catalog was put back. */
export function isOutdated({ row, standing }: Sighting): boolean {
  return standing.some(({ site, info }) => {
    const known = row?.copies.find(({ target }) => target === site.name);
    return known !== undefined && known.version !== info.version;
  });
}

/**
 * What the catalog knows, with newer versions of which copies speak. Such a one comes first where more copies are it; where
 * not, a record is easily written with a later time, and what the catalog knows comes first: named as an older one.
 */
export function knownOffers(known: Choice, said: readonly Choice[]): Offer[] {
  const holders = said.filter(({ sha256 }) => sha256 === known.sha256).flatMap(({ candidates }) => candidates);
  const newer = said.filter((choice) => isNewer(choice, known));
  const better = newer.filter(({ candidates }) => candidates.length > holders.length);
  const [first] = newer;
  if (first === undefined) return [{ choice: known, older: false }];
  const offers = better.map((choice): Offer => ({ choice, older: false }));
  return [...offers, { choice: known, older: true, because: becauseOf(first) }];
}

function isNewer(choice: Choice, known: Choice): boolean {
  if (choice.sha256 === known.sha256 || choice.version === known.version) return false;
  return Math.floor(choice.modifiedAt) > Math.floor(known.modifiedAt);
}

function becauseOf({ version, modifiedAt, candidates }: Choice): ProviderError {
  const names = candidates.map(({ provider }) => provider.name);
  const message =
    `the catalog knows it as the present one; ${names.join(', ')} has one that says it is version ${version}, of ` +
    `${isoTime(modifiedAt)}. --from ${names[0] ?? ''} restores that one`;
  return new ProviderError('conflict', message, { provider: names[0] ?? '' });
}
