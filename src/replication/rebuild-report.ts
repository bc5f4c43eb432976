import type { Key } from '../objects/key.ts';

export type RebuildState = 'missing' | 'older' | 'damaged' | 'unreadable' | 'unrecorded' | 'disagreement' | 'unreached';

/** Something that is not as it must be. `key` null: it concerns the whole provider. `provider` null: several of them. */
export interface RebuildProblem {
  readonly policy: string;
  readonly key: Key | null;
  readonly provider: string | null;
  readonly state: RebuildState;
  readonly message: string;
}

/** What a rebuild made of one policy. Field names are part of the outside (`--json`). */
export interface RebuildReport {
  readonly policy: string;
  /** Objects that the catalog has now, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Objects that are as the snapshot has them. */
  readonly fromSnapshot: number;
  /** Copies with evidence. */
  readonly verified: number;
  /** Copies that stand in place and are still to be proven. */
  readonly unproven: number;
  /** Copies that a target which was listed does not have. */
  readonly missing: number;
  /** Copies that are an older version of the object than another one is. */
  readonly older: number;
  /** Copies that are not what their own record says. */
  readonly damaged: number;
  /** Copies that could not be asked. */
  readonly unreadable: number;
  /** Keys' copies that nothing says anything about. */
  readonly unrecorded: number;
  /** Objects about which the copies contradict each other. */
  readonly disagreements: number;
  /** Replaced versions that are kept at the targets. */
  readonly kept: number;
  /** Targets that could not be listed to their end; of their copies nothing (more) is known. */
  readonly unreached: readonly string[];
  readonly bytesRead: number;
}

type Counts = { -readonly [Field in keyof Omit<RebuildReport, 'policy' | 'unreached'>]: number };

const fieldOf: Readonly<Record<Exclude<RebuildState, 'unreached'>, keyof Counts>> = {
  missing: 'missing',
  older: 'older',
  damaged: 'damaged',
  unreadable: 'unreadable',
  unrecorded: 'unrecorded',
  disagreement: 'disagreements',
};

/** Counts what a rebuild finds and hands each problem on: none is kept. */
export class RebuildTally {
  readonly #policy: string;
  readonly #onProblem: (problem: RebuildProblem) => void;
  readonly #unreached: string[] = [];
  readonly #counts: Counts = {
    objects: 0,
    bytes: 0,
    fromSnapshot: 0,
    verified: 0,
    unproven: 0,
    missing: 0,
    older: 0,
    damaged: 0,
    unreadable: 0,
    unrecorded: 0,
    disagreements: 0,
    kept: 0,
    bytesRead: 0,
  };

  constructor(policy: string, onProblem: (problem: RebuildProblem) => void) {
    this.#policy = policy;
    this.#onProblem = onProblem;
  }

  get report(): RebuildReport {
    return { policy: this.#policy, ...this.#counts, unreached: this.#unreached };
  }

  add(field: keyof Counts, by = 1): void {
    this.#counts[field] += by;
  }

  problem(key: Key, provider: string | null, state: Exclude<RebuildState, 'unreached'>, message: string): void {
    this.#counts[fieldOf[state]] += 1;
    this.#onProblem({ policy: this.#policy, key, provider, state, message });
  }

  unreached(provider: string, message: string): void {
    if (!this.#unreached.includes(provider)) this.#unreached.push(provider);
    this.#onProblem({ policy: this.#policy, key: null, provider, state: 'unreached', message });
  }
}

/** Whether nothing was found that a person should know of. What is in place and still to be proven is consistent. */
export function isConsistent(report: RebuildReport): boolean {
  const { missing, older, damaged, unreadable, unrecorded, disagreements, unreached } = report;
  return missing + older + damaged + unreadable + unrecorded + disagreements + unreached.length === 0;
}
