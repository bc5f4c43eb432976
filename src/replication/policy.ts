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
  /** The rolling audit; absent: copies are read again only when somebody asks. */
  readonly scrub?: ScrubSettings;
  /** Restores rehearsed from each target alone; absent: only when somebody asks. */
  readonly drill?: DrillSettings;
  readonly guard: GuardLimits;
  /** How long after an object went its copies are deleted, in milliseconds; absent: they are retained. */
  readonly deleteAfter?: number;
  /** How long what an overwrite at a target replaces is kept there, in milliseconds; absent: it is not kept. */
  readonly history?: number;
  /** Milliseconds between passes over the source, and between passes that list the targets too. */
  readonly detect: { readonly every: number; readonly full: number };
}

export interface ScrubSettings {
  /** Milliseconds within which every copy is read. */
  readonly every: number;
  /** Bytes per second at most; absent: no limit but `limits.bandwidth`. */
  readonly bandwidth?: number;
  /** Bytes in any 24 hours at most; absent: no limit. */
  readonly perDay?: number;
}

export interface DrillSettings {
  /** Milliseconds between drills. */
  readonly every: number;
  /** Objects that are restored at most, of each target. */
  readonly sample: number;
  /** Bytes that are read at most, of each target. */
  readonly bytes: number;
}

export interface GuardLimits {
  /** Fraction of the objects that may change or vanish between two passes. */
  readonly maxChanged: number;
  /** Fewer changes than this do not hold, unless they are all there is. */
  readonly minObjects: number;
}

/** The prefix that both allow, or undefined when they have no key in common. */
export function narrowest(a: string, b: string): string | undefined {
  if (a.startsWith(b)) return a;
  return b.startsWith(a) ? b : undefined;
}

/** Targets to which work may be given now. */
export function availableTargets(policies: readonly Policy[]): string[] {
  const names = policies.flatMap((policy) => policy.targets.filter((site) => site.available).map((site) => site.name));
  return [...new Set(names)];
}
