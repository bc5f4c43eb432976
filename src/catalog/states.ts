/**
 * The states of one copy (one object at one target).
 *
 * - `pending`: the target is not known to have it; the bytes are to be copied.
 * - `unproven`: something stands at the key that may be the very copy; it is to be proven, else replaced.
 * - `verified`: evidence of the required method is recorded for the object's present version.
 * - `damaged`: a copy that was verified is missing, changed or proven wrong; repair is due.
 * - `failed`: it cannot be done as things are (the error says why); tried again on a slow schedule.
 */
export type CopyState = 'pending' | 'unproven' | 'verified' | 'damaged' | 'failed';

export const copyStates: readonly CopyState[] = ['pending', 'unproven', 'verified', 'damaged', 'failed'];

/**
 * Every move a copy may make. The catalog refuses any other.
 *
 * | from     | to       | when |
 * |----------|----------|------|
 * | pending  | verified | copied, with evidence |
 * | pending  | unproven | a pass found something at the key |
 * | pending  | damaged  | what was written turned out wrong when read back |
 * | pending  | failed   | a cause that retrying soon will not mend |
 * | unproven | verified | proven, by attestation or by reading it |
 * | unproven | damaged  | proven to be something else |
 * | unproven | pending  | it is not there any more, or the object changed |
 * | unproven | failed   | as above |
 * | verified | damaged  | a pass or a scrub found it missing or wrong |
 * | verified | unproven | a pass found another version there, or asks for it to be read |
 * | verified | pending  | the object changed at the source |
 * | damaged  | verified | repaired, with evidence |
 * | damaged  | unproven | a pass found another version there than the one proven wrong |
 * | damaged  | pending  | the object changed at the source |
 * | damaged  | failed   | as above |
 * | failed   | any      | a later attempt, or the object changed |
 */
export const transitions: Readonly<Record<CopyState, readonly CopyState[]>> = {
  pending: ['verified', 'unproven', 'damaged', 'failed'],
  unproven: ['verified', 'damaged', 'pending', 'failed'],
  verified: ['damaged', 'unproven', 'pending'],
  damaged: ['verified', 'unproven', 'pending', 'failed'],
  failed: ['pending', 'unproven', 'verified', 'damaged'],
};

export function mayMove(from: CopyState, to: CopyState): boolean {
  return from === to || transitions[from].includes(to);
}
