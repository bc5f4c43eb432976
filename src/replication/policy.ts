import type { Key } from '../objects/key.ts';
import type { Site } from './site.ts';

/** A policy as the replication runs it: names resolved, units plain. */
export interface Policy {
  readonly name: string;
  readonly source: Site;
  /** What the source is, as far as its configuration tells; another one under the same policy is no continuation of it. */
  readonly sourceIdentity: string;
  /** Keys outside are none of this policy's business. */
  readonly prefix: string;
  /** Whether the policy's globs let this key (which starts with `prefix`) through. */
  readonly includes: (key: Key) => boolean;
  readonly targets: readonly Site[];
  readonly minCopies: number;
  /** The evidence a fresh copy needs. */
  readonly onCopy: 'attested' | 'read';
  readonly guard: GuardLimits;
  /** Milliseconds between passes over the source, and between passes that list the targets too. */
  readonly detect: { readonly every: number; readonly full: number };
}

export interface GuardLimits {
  /** Fraction of the objects that may change or vanish between two passes. */
  readonly maxChanged: number;
  /** Fewer changes than this never hold. */
  readonly minObjects: number;
}

/** The prefix that both allow, or undefined when they have no key in common. */
export function narrowest(a: string, b: string): string | undefined {
  if (a.startsWith(b)) return a;
  return b.startsWith(a) ? b : undefined;
}
