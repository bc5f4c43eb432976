import type { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';

/** What a pass saw. */
export interface Seen {
  /** Objects the source listed, and their bytes. */
  listed: number;
  bytes: number;
  /** Objects that the catalog has as present, without those that a person keeps although the source lacks them. */
  known: number;
  overwritten: number;
  vanished: number;
  /** Overwritten ones, as far as their versions tell: of the same size, and what the row's bytes are its copies did not tell yet. */
  incomparable: number;
  /** Of all these, objects of which a person rejected another change before. */
  contested: number;
  /** Copies found just as the catalog has them, verified. */
  inPlace: number;
  /** Keys at targets that are no copy of anything known. */
  unexpected: number;
  /** Things at the source that are no objects (symbolic links and the like). */
  ignored: number;
  /** Keys that changed or vanished, a few. */
  readonly sample: Key[];
  /** Why the source's listing is not whole. */
  sourceFailure: ProviderError | undefined;
  readonly targetFailures: Map<string, ProviderError>;
}

export function nothingSeen(sourceFailure: ProviderError | undefined): Seen {
  return {
    listed: 0,
    bytes: 0,
    known: 0,
    overwritten: 0,
    vanished: 0,
    incomparable: 0,
    contested: 0,
    inPlace: 0,
    unexpected: 0,
    ignored: 0,
    sample: [],
    sourceFailure,
    targetFailures: new Map(),
  };
}
