import type { DrillFailure, DrillResult } from '../catalog/drills.ts';
import type { PolicyStatus } from '../replication/status.ts';
import { formatBytes, formatKey, formatSeconds, formatTime, formatWords } from './format.ts';

/** What a result says of the speed, and of all objects. */
export function describePace({
  bytesPerSecond,
  recoverySeconds,
}: Pick<DrillResult, 'bytesPerSecond' | 'recoverySeconds'>): string {
  const speed = bytesPerSecond === null ? '' : `, ${formatBytes(bytesPerSecond)}/s`;
  const all =
    recoverySeconds === null ? '' : `; everything from there alone would take ${formatSeconds(recoverySeconds)}`;
  return `${speed}${all}`;
}

export function describeFailure({ key, code, message }: DrillFailure): string {
  return `${formatKey(key)} [${code}] ${formatWords(message)}`;
}

export function describeTooLarge(count: number): string {
  return `${count} objects drawn are larger than drill.bytes and were left out`;
}

/** The drills of a policy, as `status` shows them. */
export function describeDrills({ drills }: Pick<PolicyStatus, 'drills'>): string[] {
  return Object.entries(drills).flatMap(([target, drill]) => {
    const { lastSuccess, objects, failed, firstFailure, obstacle, tooLarge } = drill;
    const success = lastSuccess === null ? 'never succeeded' : `last succeeded ${formatTime(lastSuccess)}`;
    const latest = objects === 0 ? '' : `; the latest: ${objects - failed} of ${objects} objects restored`;
    return [
      `  drill at ${target}: ${success}${latest}${describePace(drill)}`,
      ...(firstFailure === null ? [] : [`    FAILED: ${describeFailure(firstFailure)}`]),
      ...(tooLarge === 0 ? [] : [`    ${describeTooLarge(tooLarge)}`]),
      ...(obstacle === null ? [] : [`    not possible since: ${formatWords(obstacle)}`]),
    ];
  });
}
