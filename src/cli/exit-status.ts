import { CatalogError } from '../catalog/errors.ts';
import { UsageError } from '../objects/errors.ts';

/** What the program's exit status says; part of the outside. */
export const exitStatus = {
  /** All in place. */
  ok: 0,
  /** Something is not: copies failed, missing or damaged. */
  incomplete: 1,
  /** Bad usage or configuration. */
  usage: 2,
  /** Held by the guard. */
  held: 3,
  interrupted: 130,
} as const;

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];

/**
 * What an error that ended a command means: `usage` where nothing goes on until a person changes something, so that
 * whoever starts the program need not start it again.
 */
export function exitStatusOf(error: unknown): ExitStatus {
  return error instanceof UsageError || isBeyondRetry(error) ? exitStatus.usage : exitStatus.incomplete;
}

/** A disk with room again, a lock given up or a disk that answers again, and the same command works. */
function isBeyondRetry(error: unknown): boolean {
  return error instanceof CatalogError && (error.code === 'newer-schema' || error.code === 'corrupt');
}
