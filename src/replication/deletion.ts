import type { DeletionOutcome, DeletionSettlement, GoneClaim } from '../catalog/deletions.ts';
import type { CopyRow, Observed } from '../catalog/rows.ts';
import type { Clock } from '../objects/clock.ts';
import type { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectHead } from '../objects/object.ts';
import type { Provider } from '../providers/provider.ts';
import { asProviderError } from './copy-job.ts';
import { headIfThere } from './prove.ts';

/** How long the source's word that it does not have the object counts, in milliseconds. */
const freshFor = 10_000;

/** What is not told of a copy leaves it as it was. */
export interface Deletion {
  readonly settlement: Pick<DeletionSettlement, 'observed' | 'copies'>;
  readonly failures: readonly { readonly target: string; readonly error: ProviderError }[];
}

export interface DeletionOptions {
  readonly source: Provider;
  /** Undefined where nothing may be deleted now. */
  readonly targetOf: (name: string) => Provider | undefined;
  readonly clock: Clock;
}

/**
 * Deletes the copies of an object that a complete listing did not have, if the source does not have it at this very
 * moment. Any other answer than that deletes nothing.
 */
export async function deleteCopies(
  { object }: GoneClaim,
  options: DeletionOptions,
  signal: AbortSignal,
): Promise<Deletion> {
  const { source, clock } = options;
  let observed: Observed | undefined;
  try {
    observed = await standingAtSource(source, object.key, signal);
  } catch (thrown) {
    const error = asProviderError(thrown, source.name, object.key);
    return { settlement: { copies: [] }, failures: [{ target: source.name, error }] };
  }
  if (observed !== undefined) return { settlement: { observed, copies: [] }, failures: [] };
  const until = clock.now() + freshFor;
  const isFresh = (): boolean => clock.now() < until && !signal.aborted;
  const ends = await Promise.all(
    object.copies.map(async (copy) => await deleteCopy(object.key, copy, options, isFresh, signal)),
  );
  return {
    settlement: { copies: ends.flatMap((end) => (end instanceof Failed ? [] : (end ?? []))) },
    failures: ends.flatMap((end) => (end instanceof Failed ? [end] : [])),
  };
}

async function standingAtSource(source: Provider, key: Key, signal: AbortSignal): Promise<Observed | undefined> {
  const head = await headIfThere(source, key, signal);
  if (head === undefined) return undefined;
  const { version, size, modifiedAt } = head;
  return { kind: 'overwritten', version, size, modifiedAt };
}

class Failed {
  readonly target: string;
  readonly error: ProviderError;

  constructor(target: string, error: ProviderError) {
    this.target = target;
    this.error = error;
  }
}

/** @returns undefined when nothing was done. */
async function deleteCopy(
  key: Key,
  copy: CopyRow,
  { targetOf }: DeletionOptions,
  isFresh: () => boolean,
  signal: AbortSignal,
): Promise<DeletionOutcome | Failed | undefined> {
  const { target, version, state } = copy;
  if (version === null) return { target, outcome: 'deleted', version, detail: 'nothing was known to stand there' };
  const provider = targetOf(target);
  if (provider === undefined) return undefined;
  try {
    const proven = state === 'verified';
    const verdict = proven ? 'ours' : ofStanding(await headIfThere(provider, key, signal), version);
    if (verdict !== 'ours') return outcomeOf(copy, version, verdict);
    if (!isFresh()) return undefined;
    await provider.delete(key, { precondition: { version } }, signal);
    return outcomeOf(copy, version, 'gone');
  } catch (thrown) {
    const error = asProviderError(thrown, target, key);
    if (error.code !== 'conflict') return new Failed(target, error);
    return await afterConflict(provider, key, copy, version, signal);
  }
}

async function afterConflict(
  provider: Provider,
  key: Key,
  copy: CopyRow,
  version: string,
  signal: AbortSignal,
): Promise<DeletionOutcome | Failed | undefined> {
  try {
    const verdict = ofStanding(await headIfThere(provider, key, signal), version);
    return verdict === 'ours' ? undefined : outcomeOf(copy, version, verdict);
  } catch (thrown) {
    return new Failed(copy.target, asProviderError(thrown, copy.target, key));
  }
}

/** `changed`: it bears Holdfast's record under another version, so that the next pass over the target has to prove it. */
type Verdict = 'ours' | 'gone' | 'changed' | 'foreign';

/** Whose it is, by the record that Holdfast gives its copies: a claim, but whoever overwrites a copy does not make it. */
function ofStanding(head: ObjectHead | undefined, version: string): Verdict {
  if (head === undefined) return 'gone';
  if (head.record === undefined) return 'foreign';
  return head.version === version ? 'ours' : 'changed';
}

function outcomeOf({ target, state }: CopyRow, version: string, verdict: Verdict): DeletionOutcome | undefined {
  if (verdict === 'gone') return { target, outcome: 'deleted', version, detail: `version ${version}` };
  if (verdict !== 'foreign') return undefined;
  const detail = `what stands there in place of version ${version} (${state}) bears no record of Holdfast's`;
  return { target, outcome: 'left', version, detail };
}
