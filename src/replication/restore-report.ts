import type { ErrorCode } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';

/** One object that is not at the destination as it should be, or only as an older version. */
export interface RestoreProblem {
  readonly key: Key;
  /** The place whose failure it is. */
  readonly provider: string;
  readonly code: ErrorCode | 'older';
  readonly message: string;
}

/** What a restore did, or would do. Field names are part of the outside (`--json`). */
export interface RestoreReport {
  readonly policy: string;
  /** Objects that should be at the destination: restored, in place and failed together. */
  readonly objects: number;
  readonly restored: number;
  readonly failed: number;
  /** Of what was restored. */
  readonly bytes: number;
  /** Objects restored, by the provider that the last of their bytes came from. */
  readonly from: Readonly<Record<string, number>>;
  /** Found at the destination with the right bytes; nothing was written. */
  readonly inPlace: number;
  /** Of these, objects whose headers or metadata there are others: `--overwrite` writes them anew. */
  readonly otherAttributes: number;
  /** Of all objects, those that the source does not have any more. */
  readonly gone: number;
  /** Restored, but as an older version than the newest known: that one could not be had. */
  readonly older: number;
  /** Left out: gone at the source with `--without-gone`, or not there yet at the time of `--at`. */
  readonly leftOut: number;
  /** Objects whose key the destination cannot hold as it is, and below which of its own names they lie. */
  readonly encoded: number;
  readonly encodedBelow: readonly string[];
  /** Problems by code. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Places that could not be looked at, or not to the end, and why: they may hold objects that nobody else does. */
  readonly notLookedAt: Readonly<Record<string, string>>;
}

/** What became of one object. */
export type Outcome =
  | { readonly state: 'restored'; readonly from: string; readonly bytes: number; readonly name?: Key }
  | { readonly state: 'in-place'; readonly otherAttributes: boolean }
  | { readonly state: 'failed'; readonly problem: Omit<RestoreProblem, 'key'> };

export interface About {
  readonly key: Key;
  readonly gone: boolean;
  /** Why it is not the newest version; undefined when it is. */
  readonly older?: Omit<RestoreProblem, 'key'> | undefined;
}

/** Counts what becomes of the objects and hands each problem on: none is kept. */
export class RestoreTally {
  readonly #policy: string;
  readonly #onProblem: (problem: RestoreProblem) => void;
  readonly #from = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #notLookedAt = new Map<string, string>();
  readonly #encodedBelow = new Set<string>();
  readonly #counts = {
    ...{ objects: 0, restored: 0, failed: 0, bytes: 0, inPlace: 0, otherAttributes: 0 },
    ...{ gone: 0, older: 0, leftOut: 0, encoded: 0 },
  };
  #bytesRead = 0;

  constructor(policy: string, onProblem: (problem: RestoreProblem) => void) {
    this.#policy = policy;
    this.#onProblem = onProblem;
  }

  get report(): RestoreReport {
    return {
      policy: this.#policy,
      ...this.#counts,
      from: Object.fromEntries(this.#from),
      encodedBelow: [...this.#encodedBelow],
      reasons: Object.fromEntries(this.#reasons),
      notLookedAt: Object.fromEntries(this.#notLookedAt),
    };
  }

  /** Everything is at the destination, and nothing was out of sight. */
  get isComplete(): boolean {
    return this.#counts.failed + this.#counts.older + this.#notLookedAt.size === 0;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  read(bytes: number): void {
    this.#bytesRead += bytes;
  }

  leftOut(): void {
    this.#counts.leftOut += 1;
  }

  notLookedAt(provider: string, why: string): void {
    if (!this.#notLookedAt.has(provider)) this.#notLookedAt.set(provider, why);
  }

  add({ key, gone, older }: About, outcome: Outcome): void {
    this.#counts.objects += 1;
    if (gone) this.#counts.gone += 1;
    if (outcome.state === 'failed') return this.#failed(key, outcome.problem);
    if (older !== undefined) {
      this.#counts.older += 1;
      this.#problem({ key, ...older });
    }
    if (outcome.state === 'in-place') {
      this.#counts.inPlace += 1;
      if (outcome.otherAttributes) this.#counts.otherAttributes += 1;
      return;
    }
    this.#counts.restored += 1;
    this.#counts.bytes += outcome.bytes;
    this.#from.set(outcome.from, (this.#from.get(outcome.from) ?? 0) + 1);
    if (outcome.name !== undefined) this.#encoded(outcome.name);
  }

  #failed(key: Key, problem: Omit<RestoreProblem, 'key'>): void {
    this.#counts.failed += 1;
    this.#problem({ key, ...problem });
  }

  #encoded(name: Key): void {
    this.#counts.encoded += 1;
    // `.holdfast/keys/` wherever Holdfast's own names lie; one line for all of them.
    this.#encodedBelow.add(name.split('/').slice(0, 2).join('/'));
  }

  #problem(problem: RestoreProblem): void {
    this.#reasons.set(problem.code, (this.#reasons.get(problem.code) ?? 0) + 1);
    this.#onProblem(problem);
  }
}
