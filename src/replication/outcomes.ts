import type { Claim, CopyOutcome } from '../catalog/claims.ts';
import type { CopyRow } from '../catalog/rows.ts';
import type { Random } from '../objects/clock.ts';
import { LeftBehind } from './convoy.ts';
import { asProviderError } from './copy-job.ts';
import { outcomeOfFailure } from './failure.ts';
import type { Proof } from './prove.ts';
import type { Stored } from './store.ts';

export interface OutcomesOptions {
  readonly now: () => number;
  readonly random: Random;
}

/** What became of each leased copy of one claim. A copy of which nothing was said is given back as it was. */
export class Outcomes {
  readonly #claim: Claim;
  readonly #options: OutcomesOptions;
  readonly #signal: AbortSignal;
  readonly #byTarget = new Map<string, CopyOutcome>();

  constructor(claim: Claim, options: OutcomesOptions, signal: AbortSignal) {
    this.#claim = claim;
    this.#options = options;
    this.#signal = signal;
  }

  of(copies: readonly CopyRow[]): CopyOutcome[] {
    return copies.map(({ target }) => this.#byTarget.get(target) ?? { target, state: 'released' });
  }

  has(copy: CopyRow): boolean {
    return this.#byTarget.has(copy.target);
  }

  /** It was in place. `recorded`: whether it carries our record. */
  proved(copy: CopyRow, { version, evidence }: Extract<Proof, { state: 'right' }>, recorded: boolean): void {
    const event = copy.evidence === null ? 'adopted' : 'rechecked';
    this.#set({ target: copy.target, state: 'verified', version, evidence, event, recorded });
  }

  stored(copy: CopyRow, { version, evidence, written, recorded, upload }: Stored): void {
    const done = copy.state === 'damaged' ? 'repaired' : 'copied';
    const event = written ? done : 'adopted';
    this.#set({
      target: copy.target,
      state: 'verified',
      version,
      evidence,
      event,
      recorded,
      ...(upload !== undefined && { upload }),
    });
  }

  failed(copy: CopyRow, thrown: unknown): void {
    if (this.#signal.aborted || thrown instanceof LeftBehind)
      return this.#set({ target: copy.target, state: 'released' });
    const error = asProviderError(thrown, copy.target, this.#claim.object.key);
    this.#set(outcomeOfFailure(copy, error, this.#options.now(), this.#options.random));
  }

  allFailed(copies: readonly CopyRow[], error: unknown): void {
    for (const copy of copies) this.failed(copy, error);
  }

  #set(outcome: CopyOutcome): void {
    this.#byTarget.set(outcome.target, outcome);
  }
}
