import type { Hold, PolicyState } from '../catalog/policies.ts';
import type { GuardLimits } from './policy.ts';

/** What a whole pass over the source saw, before anything was deleted or overwritten for it. */
export interface Preflight {
  /** Why the listing is not the whole source; undefined when it was listed to its end. */
  readonly listingFailed?: string;
  /** Objects that the source listed. */
  readonly listed: number;
  /** Objects that the catalog holds as present (of the part of the source that was listed). */
  readonly known: number;
  readonly overwritten: number;
  readonly vanished: number;
  /** Changes that the catalog holds undecided, whichever process noted them. */
  readonly undecided: number;
  /** A few of the keys that changed or vanished. */
  readonly sample: readonly string[];
  readonly sourceIdentity: string;
}

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
  const reasons = isReleased(seen, policy.hold, limits) ? [] : reasonsToHold(seen, policy.sourceIdentity, limits);
  if (seen.listingFailed !== undefined && seen.known > 0) {
    reasons.push(`the source could not be listed to its end: ${seen.listingFailed}`);
  }
  if (reasons.length === 0) return undefined;
  const { overwritten, vanished, sample } = seen;
  return { since: policy.hold?.since ?? now, reasons, overwritten, vanished, sample };
}

/** A release lets through what was held, and no more on top of it than would pass by itself. */
function isReleased(seen: Preflight, hold: Hold | null, limits: GuardLimits): boolean {
  if (hold?.released !== true) return false;
  const more = changes(seen) - hold.overwritten - hold.vanished;
  return !isMany(more, seen.known, limits);
}

function changes({ overwritten, vanished, undecided }: Preflight): number {
  return Math.max(overwritten + vanished, undecided);
}

function isMany(changed: number, known: number, limits: GuardLimits): boolean {
  return changed >= limits.minObjects && changed > limits.maxChanged * known;
}

function reasonsToHold(seen: Preflight, knownIdentity: string | null, limits: GuardLimits): string[] {
  const reasons: string[] = [];
  const { overwritten, vanished, known, listed } = seen;
  if (knownIdentity !== null && knownIdentity !== seen.sourceIdentity && known > 0) {
    reasons.push(`the source is not the one it was: ${seen.sourceIdentity} instead of ${knownIdentity}`);
  }
  if (listed === 0 && known > 0 && seen.listingFailed === undefined) {
    reasons.push(`the source is empty where ${known} objects were known`);
  }
  const changed = changes(seen);
  if (isMany(changed, known, limits)) {
    const percent = ((100 * changed) / Math.max(known, 1)).toFixed(1);
    const limit = (100 * limits.maxChanged).toFixed(1);
    reasons.push(
      `${vanished} objects vanished and ${overwritten} were overwritten since the last good pass: ${percent} % of ${known}, more than guard.maxChanged (${limit} %)`,
    );
  }
  return reasons;
}
