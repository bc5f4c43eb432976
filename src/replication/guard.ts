import type { Hold } from '../catalog/holds.ts';
import type { PolicyState } from '../catalog/policies.ts';
import type { ProviderError } from '../objects/errors.ts';
import type { GuardLimits } from './policy.ts';
import { bothOf, failed, plain, type Reason } from './reasons.ts';

/** What a whole pass over the source saw, before anything was deleted or overwritten for it. */
export interface Preflight {
  /** Why the listing is not the whole source; undefined when it was listed to its end. */
  readonly listingFailed?: Pick<ProviderError, 'code' | 'message'>;
  /** Objects that the source listed. */
  readonly listed: number;
  /** Objects that the catalog holds as present (of the part of the source that was listed). */
  readonly known: number;
  /** The same of the whole source. */
  readonly knownInAll: number;
  /** Objects that the catalog has, gone ones too, whatever prefix they were copied under. */
  readonly catalogued: number;
  readonly overwritten: number;
  readonly vanished: number;
  /** Changes that the catalog holds undecided, whichever process noted them. */
  readonly undecided: number;
  /** Changes among all these of objects of which a person rejected another change before. */
  readonly contested: number;
  /** Objects whose copies are due to be deleted and were let go by no pass before, and by when they were gone. */
  readonly deletions?: { readonly objects: number; readonly decisions: number; readonly until: number };
  /** A few of the keys that changed or vanished. */
  readonly sample: readonly string[];
  /** Undefined when the source was not reached, so that nothing is known of it. */
  readonly sourceIdentity: string | undefined;
}

/**
 * So many objects, when they are all there are and all changed at once, are held although they are fewer than
 * `minObjects`: that is what encryption in place looks like, and there would be no copy of anything left. Fewer are
 * what somebody may well edit between two passes.
 */
const wholeSet = 5;

/**
 * Decides whether what a pass observed may take effect. Made from the whole pass, never counted while deleting.
 * @returns undefined to let it through, or the hold that explains itself.
 */
export function judge(
  seen: Preflight,
  policy: Pick<PolicyState, 'sourceIdentity' | 'hold'>,
  limits: GuardLimits,
  now: number,
): Hold | undefined {
  const stranger = isAnother(seen, policy.sourceIdentity) ? seen.sourceIdentity : undefined;
  const unlisted = seen.known > 0 ? seen.listingFailed : undefined;
  const reasons: Reason[] = [];
  if (stranger !== undefined)
    reasons.push(plain(`the source is not the one it was: ${stranger} instead of ${policy.sourceIdentity}`));
  reasons.push(...reasonsOfObjects(seen, policy.hold, limits).map(plain));
  // What a person did not believe does not come through in small pieces, or by being touched.
  if (seen.contested > 0) reasons.push(plain(`${seen.contested} objects whose change was rejected changed once more`));
  const deletions = tooManyDeletions(seen, limits);
  if (deletions !== undefined) reasons.push(plain(reasonOfDeletions(deletions.objects, seen.known)));
  if (unlisted !== undefined) reasons.push(failed('the source could not be listed to its end', unlisted));
  if (reasons.length === 0) return undefined;
  const { overwritten, vanished, sample } = seen;
  const since = policy.hold?.since ?? now;
  return {
    ...{ since, ...bothOf(reasons), overwritten, vanished, known: knownBefore(seen.knownInAll, policy.hold), sample },
    ...(stranger === undefined ? {} : { sourceIdentity: stranger }),
    ...(deletions === undefined ? {} : { deletions }),
    ...(unlisted === undefined ? {} : { listingFailed: true }),
  };
}

/**
 * Many deletions that come due at once are held like many changes, unless one decision made all these objects go: that
 * was judged as a whole, by the guard or by a person. What is left are the sums that nobody has seen: of years, when a
 * policy begins to delete; of weeks, when no pass was complete; of many small losses.
 */
function tooManyDeletions({ deletions, known }: Preflight, limits: GuardLimits): Hold['deletions'] {
  if (deletions === undefined || deletions.decisions <= 1) return undefined;
  const { objects, until } = deletions;
  return isMany(objects, known + objects, limits) ? { objects, until } : undefined;
}

function reasonOfDeletions(objects: number, known: number): string {
  return `the copies of ${objects} objects that went are due to be deleted at once, where ${known} objects are left; release deletes them, \`deletes: { mode: retain }\` keeps them`;
}

/** How many changes may come on top of those that a person decides about: what would pass by itself. */
export function mayComeOnTop(known: number, { minObjects, maxChanged }: GuardLimits): number {
  return Math.max(minObjects - 1, Math.floor(maxChanged * known));
}

function isAnother({ sourceIdentity, catalogued }: Preflight, knownIdentity: string | null): boolean {
  return knownIdentity !== null && sourceIdentity !== undefined && knownIdentity !== sourceIdentity && catalogued > 0;
}

function isMany(changed: number, known: number, limits: GuardLimits): boolean {
  return changed >= limits.minObjects && changed > limits.maxChanged * known;
}

/** `maxChanged: 100%` says that everything may change. */
function isAll(changed: number, known: number, { maxChanged }: GuardLimits): boolean {
  return maxChanged < 1 && changed >= wholeSet && changed >= known;
}

/** A hold is not worn away by the new objects that flow while it lasts. */
function knownBefore(known: number, hold: Hold | null): number {
  return Math.min(known, hold?.known ?? Infinity);
}

function reasonsOfObjects(seen: Preflight, hold: Hold | null, limits: GuardLimits): string[] {
  const { overwritten, vanished, undecided, listed } = seen;
  const reasons: string[] = [];
  if (listed === 0 && seen.known > 0 && seen.listingFailed === undefined) {
    reasons.push(`the source is empty where ${seen.known} objects were known`);
  }
  const known = knownBefore(seen.known, hold);
  const changed = Math.max(overwritten + vanished, undecided);
  const what = `${vanished} objects vanished and ${overwritten} were overwritten since the last good pass`;
  if (isMany(changed, known, limits)) {
    const percent = ((100 * changed) / Math.max(known, 1)).toFixed(1);
    const limit = (100 * limits.maxChanged).toFixed(1);
    reasons.push(`${what}: ${percent} % of ${known}, more than guard.maxChanged (${limit} %)`);
  } else if (isAll(changed, knownBefore(seen.knownInAll, hold), limits)) {
    reasons.push(`${what}: that is everything that was known`);
  }
  return reasons;
}
