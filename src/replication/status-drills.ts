import type { DrillResult, DrillState } from '../catalog/drills.ts';
import type { Policy } from './policy.ts';

/** The drills of a policy at one target. Times in milliseconds since the epoch. */
export interface DrillStatus {
  /** When the latest one ended in which nothing failed; null before the first. */
  readonly lastSuccess: number | null;
  /** When the latest was begun. */
  readonly lastAttempt: number;
  /** Of the latest with a result: what was tried, and what was restored. Zero before the first. */
  readonly objects: number;
  readonly failed: number;
  readonly bytes: number;
  readonly bytesPerSecond: number | null;
  /** How long restoring all objects from this target alone would take at this speed. */
  readonly recoverySeconds: number | null;
  readonly firstFailure: DrillResult['failure'];
  /** Objects drawn that are larger than a drill may read. */
  readonly tooLarge: number;
  /** Why there was none since; null when there was. */
  readonly obstacle: string | null;
  /** The next should have succeeded long ago. */
  readonly overdue: boolean;
}

/** Late by more than one more interval. */
const overdueAfter = 2;
const graceMs = 5 * 60_000;

export function drillStatusOf(
  states: readonly DrillState[],
  { targets, drill }: Policy,
  now: number,
): Readonly<Record<string, DrillStatus>> {
  const patience = drill === undefined ? Infinity : overdueAfter * drill.every + graceMs;
  const known = states.filter(({ target }) => targets.some(({ name }) => name === target));
  return Object.fromEntries(known.map((state) => [state.target, describe(state, patience, now)]));
}

function describe(state: DrillState, patience: number, now: number): DrillStatus {
  const { last, succeededAt, begunAt, firstAt, obstacle } = state;
  return {
    lastSuccess: succeededAt,
    lastAttempt: begunAt,
    objects: last?.objects ?? 0,
    failed: last?.failed ?? 0,
    bytes: last?.bytes ?? 0,
    bytesPerSecond: last?.bytesPerSecond ?? null,
    recoverySeconds: last?.recoverySeconds ?? null,
    firstFailure: last?.failure ?? null,
    tooLarge: last?.tooLarge ?? 0,
    obstacle,
    overdue: now - (succeededAt ?? firstAt) > patience,
  };
}

/** What a person should know of: a restore that would fail, or that nobody has rehearsed for long. No keys: anybody may read it. */
export function drillTroubles(policy: string, drills: Readonly<Record<string, DrillStatus>>): string[] {
  const more = `see "holdfast status ${policy}"`;
  return Object.entries(drills).flatMap(([target, { failed, objects, firstFailure, overdue, obstacle }]) => {
    if (failed > 0) {
      const code = firstFailure === null ? '' : ` (${firstFailure.code})`;
      return [
        `${policy}: the drill at ${target} failed: ${failed} of ${objects} objects could not be restored from it alone${code}; ${more}`,
      ];
    }
    if (!overdue) return [];
    return [`${policy}: no drill at ${target} has succeeded for too long${obstacle === null ? '' : `; ${more}`}`];
  });
}
